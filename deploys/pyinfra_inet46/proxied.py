"""What goes to a host through a ProxyCommand arrives whole."""

from __future__ import annotations

from paramiko.proxy import ProxyCommand
from paramiko.ssh_exception import ProxyCommandFailure
from typing_extensions import Buffer

__all__ = ["mend"]


def _send(self: ProxyCommand, content: Buffer) -> int:
    """As paramiko's own, but it says how many bytes the pipe took; the caller, `Packetizer.write_all`, sends the others again."""
    pipe = self.process.stdin
    try:
        return pipe.write(content) if pipe else 0
    except OSError as error:
        raise ProxyCommandFailure(" ".join(self.cmd), str(error)) from error


def mend() -> None:
    """
    Have paramiko lose nothing of what it writes to a ProxyCommand.

    `paramiko.proxy.ProxyCommand.send` says that everything was written whatever the pipe took. Under gevent, where pyinfra lives, a write
    to a pipe takes what there is room for, 64 KiB on Linux: when the proxy is slow to read, the rest of a packet of ssh is lost, and the
    host and the controller wait for each other without end. Measured with paramiko 4.0.0 and gevent 26.9.0: of 327,680 bytes sent in ten
    pieces while the proxy slept for a second 196,608 arrived.
    """
    ProxyCommand.send = _send  # type: ignore[method-assign]
