"""A super-server small enough to misbehave on request.

    fake_inetd.py CONFIG BEHAVIOUR

CONFIG has a line for each socket: ``FAMILY ADDRESS PORT V6ONLY GREETING``, for example ``ipv6 :: 14301 yes * OK ready``; the
greeting ``-`` stands for none, ``+`` for a connection that is closed at once. SIGHUP reads it again. BEHAVIOUR is a file with one
of these words, read at every SIGHUP; when it is missing, the daemon does as it should:

- ``die``: end on SIGHUP
- ``loop``: as openbsd-inetd over a file that it cannot read to its end: compute for ever, and hear no SIGTERM
- ``ignore``: take no notice of SIGHUP
- ``twice``: as inetutils-inetd: bind the new sockets while the old ones are still open, and close those afterwards
"""

import contextlib
import os
import pathlib
import select
import signal
import socket
import sys


def open_socket(family: str, address: str, port: str, v6only: str) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if family == "ipv6" else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == "ipv6":
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only == "yes")
    try:
        listener.bind((address, int(port)))
        listener.listen(5)
    except OSError:
        listener.close()
        raise
    return listener


class FakeInetd:
    def __init__(self, config: pathlib.Path, behaviour: pathlib.Path) -> None:
        self.config, self.behaviour = config, behaviour
        self.open: dict[tuple[str, ...], tuple[socket.socket, str]] = {}
        self.clients: list[socket.socket] = []

    def read(self) -> None:
        how = self.behaviour.read_text().strip() if self.behaviour.exists() else ""
        if how == "die":
            sys.exit(1)
        if how == "loop":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                pass
        if how == "ignore":
            return
        wanted: dict[tuple[str, ...], str] = {}
        for line in self.config.read_text().splitlines():
            family, address, port, v6only, greeting = line.split(" ", 4)
            wanted[family, address, port, v6only] = greeting
        stale = [key for key in self.open if key not in wanted]
        if how != "twice":
            self.close(stale)
        for key, greeting in wanted.items():
            with contextlib.suppress(OSError):
                self.open[key] = (self.open[key][0] if key in self.open else open_socket(*key), greeting)
        if how == "twice":
            self.close(stale)

    def close(self, keys: list[tuple[str, ...]]) -> None:
        for key in keys:
            self.open.pop(key)[0].close()

    def serve(self) -> None:
        while True:
            ready, _, _ = select.select([self.wakeup, *(listener.fileno() for listener, _ in self.open.values())], [], [])
            if self.wakeup in ready:
                os.read(self.wakeup, 100)
                self.read()
                continue
            for listener, greeting in list(self.open.values()):
                if listener.fileno() in ready:
                    client, _ = listener.accept()
                    self.greet(client, greeting)

    def greet(self, client: socket.socket, greeting: str) -> None:
        if greeting == "+":
            client.close()
            return
        if greeting != "-":
            client.sendall(greeting.encode() + b"\r\n")
        self.clients = [*self.clients[-20:], client]

    def run(self) -> None:
        self.wakeup, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end)
        signal.signal(signal.SIGHUP, lambda *_: None)
        self.read()
        self.serve()


if __name__ == "__main__":
    FakeInetd(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])).run()
