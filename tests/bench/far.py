"""A host in another city: `python far.py MILLISECONDS COMMAND...` hands on what goes to a command and what it says, each piece that much later.

Nothing is held back for longer than that, and any number of pieces is on the way at once: only the distance is like that of a network.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time

_PIECE = 65536  # bytes


def _carry(source: int, target: int, seconds: float) -> None:
    """Hand on everything from one descriptor to the other, and its end."""
    pieces: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

    def deliver() -> None:
        while True:
            due, piece = pieces.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not piece:
                os.close(target)
                return
            while piece:
                piece = piece[os.write(target, piece) :]

    threading.Thread(target=deliver).start()
    piece = b"any"
    while piece:
        piece = os.read(source, _PIECE)
        pieces.put((time.monotonic() + seconds, piece))


def main() -> int:
    """Start the command, and be the way to it."""
    seconds = float(sys.argv[1]) / 1000
    with subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as command:
        if command.stdin is None or command.stdout is None:
            raise AssertionError("both were asked for")
        there = threading.Thread(target=_carry, args=(0, os.dup(command.stdin.fileno()), seconds), daemon=True)
        command.stdin.close()
        there.start()
        _carry(command.stdout.fileno(), 1, seconds)
        return command.wait()


if __name__ == "__main__":
    sys.exit(main())
