"""Units that are tried: the grid of what facts/os.md measured by hand, and units with one odd thing each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import attrs

from inet46.formats import Link

__all__ = ["ETC", "LIB", "RUN", "WIDTH", "Case", "grid", "odd_units", "unit"]

WIDTH = 10  # ports of one case
ETC, RUN, LIB = "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"
_CAT = "[Service]\nExecStart=-/bin/cat\nStandardInput=socket\n"


@attrs.frozen
class Case:
    """Files in whose paths and texts U stands for a unit name of this case's own, and P0 to P9 for its ports."""

    label: str
    files: Mapping[str, str]

    def at(self, number: int, port: int) -> dict[str, str]:
        """Return the files with names and ports filled in."""

        def fill(text: str) -> str:
            text = text.replace("UNIT", f"u{number}")
            for digit in range(WIDTH):
                text = text.replace(f"P{digit}", str(port + digit))
            return text

        return {fill(path): Link(fill(text)) if isinstance(text, Link) else fill(text) for path, text in self.files.items()}


def unit(label: str, socket: str, service: str | None = _CAT, *, partner: str = "UNIT@.service", **more: str) -> Case:
    """Make a case of one socket that is enabled; `more` are other files, their paths written with _ for / and so on by the caller."""
    files = {f"{ETC}/UNIT.socket": socket, f"{ETC}/sockets.target.wants/UNIT.socket": Link(f"{ETC}/UNIT.socket"), **more}
    if service is not None:
        files[f"{ETC}/{partner}"] = service
    return Case(label, files)


def grid() -> list[Case]:
    """Every address alone and every ordered pair of them, each with every BindIPv6Only, ReusePort, and kind of socket."""
    addresses = ("P0", "[::]:P0", "0.0.0.0:P0", "127.0.0.1:P0", "[::1]:P0", "[::ffff:127.0.0.1]:P0")
    lists = [(address,) for address in addresses] + list(itertools.product(addresses, repeat=2))
    options = list(itertools.product(("", "default", "both", "ipv6-only"), ("", "yes"), ("Stream", "Datagram")))
    return [_one(listens, *option) for listens, option in itertools.product(lists, options)]


def _one(listens: tuple[str, ...], v6only: str, reuse: str, kind: str) -> Case:
    lines = [f"Listen{kind}={address}" for address in listens]
    lines += [f"BindIPv6Only={v6only}"] if v6only else []
    lines += [f"ReusePort={reuse}"] if reuse else []
    label = " ".join(lines)
    if kind == "Stream":
        return unit(label, "\n".join(["[Socket]", *lines, "Accept=yes", ""]))
    return unit(label, "\n".join(["[Socket]", *lines, ""]), "[Service]\nExecStart=/bin/cat\n", partner="UNIT.service")


_SOCKETS = {
    "no template": "ListenStream=P0\nAccept=yes",
    "an address that is none": "ListenStream=P0\nListenStream=nonsense\nListenStream=localhost:P1\nListenStream=*:P2\nListenStream=::1:P3\nAccept=yes",
    "a port in other numerals": "ListenStream=[::1]:P0\nListenStream=0xffff1\nListenStream=70000\nListenStream=0\nListenStream=P1x\nAccept=yes",
    "two ports in one line": "ListenStream=P0 P1\nListenStream=P2\nAccept=yes",
    "a zone": "ListenStream=[fe80::1%lo]:P0\nListenStream=P1\nAccept=yes",
    "an address in another spelling": "ListenStream=[0:0:0::1]:P0\nListenStream=127.1:P0\nAccept=yes",
    "the same twice": "ListenStream=P0\nListenStream=P0\nAccept=yes",
    "the same twice, spelled otherwise": "ListenStream=[::]:P0\nListenStream=P0\nAccept=yes",
    "stream and datagram": "ListenStream=P0\nListenStream=P1\nAccept=yes\nListenDatagram=P0\nAccept=no\nService=cat-UNIT.service",
    "datagram that accepts": "ListenDatagram=P0\nAccept=yes",
    "fifo that accepts": "ListenFIFO=/run/UNIT.fifo\nListenStream=P0\nAccept=yes",
    "unix socket beside": "ListenStream=/run/UNIT.sock\nListenStream=@UNIT\nListenSequentialPacket=@UNITseq\nListenStream=P0\nAccept=yes",
    "list taken back": "ListenStream=P0\nListenDatagram=\nListenStream=P1\nAccept=yes",
    "list taken back to nothing": "ListenStream=P0\nListenStream=\nAccept=yes",
    "no listen at all": "Accept=yes",
    "no connections": "ListenStream=P0\nAccept=yes\nMaxConnections=0",
    "no number": "ListenStream=P0\nAccept=yes\nMaxConnections=abc\nMaxConnections=",
    "own service while accepting": "ListenStream=P0\nAccept=yes\nService=cat-UNIT.service",
    "service that is not there": "ListenStream=P0\nService=nosuch.service",
    "no service": "ListenStream=P0",
    "template as service": "ListenStream=P0\nAccept=yes\nService=UNIT@.service",
    "accept is no word": "ListenStream=P0\nAccept=yes\nAccept=maybe\nAccept=",
    "accept in other words": "ListenStream=P0\nAccept=T",
    "v6only is no word": "ListenStream=P0\nBindIPv6Only=ipv6-only\nBindIPv6Only=maybe\nBindIPv6Only=\nAccept=1",
    "v6only twice": "ListenStream=P0\nBindIPv6Only=ipv6-only\nBindIPv6Only=both\nAccept=on",
    "specifiers": "ListenStream=P0\nListenStream=%p\nListenStream=127.0.0.1:P%%\nAccept=yes",
    "continued with a comment inside": "ListenStream=\\\n# c\n; d\n  P0\n\n;x\n#y \\\nAccept=\\\n yes\nListenStream=P1\\",
    "blanks everywhere": "  ListenStream  =   P0  \n\tAccept\t=\tyes\t",
    "carriage returns": "ListenStream=P0\r\nAccept=\\\r\nyes\r\nListenStream=P1\rListenStream=P2\r\r\nnonsense",
    "NULs": "ListenStream=P0\0Accept=yes\0\nListenStream=P1\n",
    "continued over a carriage return": "ListenStream=P0\nAccept=\\\r\n\r\nyes\n",
    "small letters": "listenstream=P0\nListenStream=P1\nAccept=yes",
    "X- keys": "X-ListenStream=P0\nListenStream=P1\nAccept=yes\n[X-ray]\nListenStream=P2",
    "no equals sign": "ListenStream P0\nListenStream=P1\nAccept=yes\n=x",
    "not UTF-8": "ListenStream=P0\nListenStream=P1\udcff\nAccept=yes",
    "noncharacter": "ListenStream=P0\nListenStream=P1 #\ufffe\nAccept=yes",
    "section not closed": "ListenStream=P0\nAccept=yes\n[Service\nListenStream=P1",
    "another section between": "ListenStream=P0\n[Other]\nListenStream=P1\n[Socket]\nAccept=yes\n[]\nListenStream=P2",
    "blank in the section": "ListenStream=P0\nAccept=yes\n[ Socket ]\nListenStream=P1\n[Socket ]\nListenStream=P2",
    "condition": "ListenStream=P0\nAccept=yes\n[Unit]\nConditionPathExists=/nonexistent",
    "condition taken back": "ListenStream=P0\nAccept=yes\n[Unit]\nConditionPathExists=/nonexistent\nConditionHost=\n",
    "free bind": "ListenStream=192.0.2.7:P0\nFreeBind=yes\nAccept=yes",
    "mapped and for IPv6 alone": "ListenStream=P0\nListenStream=[::ffff:127.0.0.1]:P1\nBindIPv6Only=ipv6-only\nAccept=yes",
    "access, limits and more": "ListenStream=P0\nAccept=yes\nIPAddressDeny=any\nIPAddressAllow=localhost\nBacklog=5\nMaxConnections=3\nKeepAlive=yes",
}
_SERVICES = {
    "no ExecStart": "[Service]\nStandardInput=socket\n",
    "two commands": "[Service]\nExecStart=/bin/true\nExecStart=/bin/true\n",
    "two commands in one line": "[Service]\nExecStart=/bin/true ; /bin/false\n",
    "two commands of a oneshot": "[Service]\nType=oneshot\nExecStart=/bin/true\nExecStart=/bin/true\n",
    "command taken back": "[Service]\nExecStart=/bin/true\nExecStart=\n",
    "open quote": '[Service]\nExecStart=/bin/true "a\n',
    "relative command": "[Service]\nExecStart=cat\nStandardInput=socket\n",
    "command that is not there": "[Service]\nExecStart=/nonexistent\n",
    "prefixes": "[Service]\nExecStart=-!:@/bin/cat cat\n",
    "empty": "",
    "broken": "[Service\nExecStart=/bin/cat\n",
    "another kind of unit": "[Socket]\nListenStream=1\n",
}


def odd_units() -> list[Case]:
    """One odd thing each: in the socket, in the service, in where the files lie."""
    cases = []
    for label, socket in _SOCKETS.items():
        text = f"[Socket]\n{socket}\n"
        files = {f"{ETC}/cat-UNIT.service": _CAT} if "cat-UNIT" in socket else {}
        cases.append(unit(label, text, None if label == "no template" else _CAT, **files))
        if label not in {"no template", "no service"}:
            cases.append(unit(f"{label}, beside a plain service", text, _CAT, **files, **{f"{ETC}/UNIT.service": _CAT}))
    for label, service in _SERVICES.items():
        cases.append(unit(label, "[Socket]\nListenStream=P0\n", service, partner="UNIT.service"))
        cases.append(unit(f"{label}, accepting", "[Socket]\nListenStream=P0\nAccept=yes\n", service))
    return [*cases, *_places()]


def _places() -> Iterator[Case]:
    one, two = ("[Socket]\nListenStream=P0\nAccept=yes\n", "[Socket]\nListenStream=P1\nAccept=yes\n")
    wants = {f"{ETC}/sockets.target.wants/UNIT.socket": Link("/anywhere/UNIT.socket")}
    cat = {f"{ETC}/UNIT@.service": _CAT}
    yield Case("not enabled", {f"{ETC}/UNIT.socket": one, **cat})
    yield Case(
        "wanted by multi-user.target",
        {f"{ETC}/UNIT.socket": one, **cat, f"{RUN}/multi-user.target.wants/UNIT.socket": Link("../UNIT.socket")},
    )
    yield Case("required", {f"{ETC}/UNIT.socket": one, **cat, f"{LIB}/sockets.target.requires/UNIT.socket": Link("../UNIT.socket")})
    yield Case(
        "wanted by nobody who runs", {f"{ETC}/UNIT.socket": one, **cat, f"{ETC}/nosuch.target.wants/UNIT.socket": Link("../UNIT.socket")}
    )
    yield Case("wanted by a file that is no link", {f"{ETC}/UNIT.socket": one, **cat, f"{ETC}/sockets.target.wants/UNIT.socket": "text"})
    yield Case("wanted, and the link masked", {
        f"{ETC}/UNIT.socket": one, **cat,
        f"{LIB}/sockets.target.wants/UNIT.socket": Link("../UNIT.socket"), f"{ETC}/sockets.target.wants/UNIT.socket": Link("/dev/null"),
    })  # fmt: skip
    yield Case("masked by a link", {f"{LIB}/UNIT.socket": one, **cat, **wants, f"{ETC}/UNIT.socket": Link("/dev/null")})
    yield Case("masked by an empty file", {f"{LIB}/UNIT.socket": one, **cat, **wants, f"{RUN}/UNIT.socket": ""})
    yield Case(
        "service masked",
        {
            f"{ETC}/UNIT.socket": "[Socket]\nListenStream=P0\n",
            **wants,
            f"{LIB}/UNIT.service": _CAT,
            f"{ETC}/UNIT.service": Link("/dev/null"),
        },
    )
    yield Case("/etc before /run before /usr/lib", {f"{LIB}/UNIT.socket": one, f"{RUN}/UNIT.socket": two, **cat, **wants})
    yield Case("/etc before /run", {f"{RUN}/UNIT.socket": one, f"{ETC}/UNIT.socket": two, **cat, **wants})
    yield Case(
        "another name",
        {
            f"{LIB}/UNIT.socket": one,
            **cat,
            f"{ETC}/UNITalias.socket": Link(f"{LIB}/UNIT.socket"),
            f"{ETC}/sockets.target.wants/UNITalias.socket": Link("../UNITalias.socket"),
        },
    )
    yield Case("a linked unit", {"/opt/UNIT/UNIT.socket": one, **cat, f"{ETC}/UNIT.socket": Link("/opt/UNIT/UNIT.socket"), **wants})
    yield Case("an instance of a template", {
        f"{ETC}/UNIT@.socket": "[Socket]\nListenStream=%i\nListenStream=127.0.0.1:%i\nBindIPv6Only=ipv6-only\nAccept=yes\n", **cat,
        f"{ETC}/sockets.target.wants/UNIT@P3.socket": Link("../UNIT@.socket"),
    })  # fmt: skip
    yield Case("an instance that gets the socket", {
        f"{ETC}/UNIT@.socket": "[Socket]\nListenStream=%i\n", f"{ETC}/UNIT@.service": "[Service]\nExecStart=/bin/cat\n",
        f"{ETC}/UNIT@P3.socket": Link("UNIT@.socket"), f"{ETC}/sockets.target.wants/UNIT@P3.socket": Link("../UNIT@.socket"),
    })  # fmt: skip
    yield from _dropins(one, {**cat, **wants})


def _dropins(one: str, rest: Mapping[str, str]) -> Iterator[Case]:
    base = {f"{LIB}/UNIT.socket": one, **rest}
    more = "[Socket]\nListenStream={}\n"
    folders = (f"{ETC}/UNIT.socket.d", f"{RUN}/UNIT.socket.d", f"{LIB}/UNIT.socket.d")
    yield Case("drop-ins of three folders", {**base, **{f"{folder}/{n}.conf": more.format(f"P{n}") for n, folder in enumerate(folders, 1)}})
    for first, second in itertools.permutations(folders, 2):
        yield Case("two drop-ins of one name", {**base, f"{first}/a.conf": more.format("P1"), f"{second}/a.conf": more.format("P2")})
    yield Case(
        "drop-ins in the order of their names",
        {
            **base,
            f"{folders[0]}/b.conf": more.format(""),
            f"{folders[2]}/a.conf": more.format("P1"),
            f"{folders[1]}/c.conf": more.format("P2"),
        },
    )
    yield Case(
        "a drop-in masked",
        {
            **base,
            f"{folders[2]}/a.conf": more.format("P1"),
            f"{folders[0]}/a.conf": Link("/dev/null"),
            f"{folders[2]}/b.conf": more.format("P2"),
            f"{folders[1]}/b.conf": "",
        },
    )
    yield Case(
        "names that are no drop-ins",
        {
            **base,
            f"{folders[0]}/a": more.format("P1"),
            f"{folders[0]}/.a.conf": more.format("P2"),
            f"{folders[0]}/a.conf~": more.format("P3"),
        },
    )
    yield Case("a broken drop-in", {**base, f"{folders[0]}/a.conf": more.format("P1") + "[Socket\nListenStream=P2\n"})
    yield Case("a drop-in without a section", {**base, f"{folders[0]}/a.conf": "ListenStream=P1\n"})
    yield Case("a drop-in for the service", {**base, f"{ETC}/UNIT@.service.d/a.conf": "[Service]\nExecStart=\n"})
    dashed = {
        f"{LIB}/UNIT-x-y.socket": one,
        f"{ETC}/UNIT-x-y@.service": _CAT,
        f"{ETC}/sockets.target.wants/UNIT-x-y.socket": Link("../UNIT-x-y.socket"),
    }
    cut = (
        f"{ETC}/UNIT-x-y.socket.d",
        f"{ETC}/UNIT-x-.socket.d",
        f"{ETC}/UNIT-.socket.d",
        f"{RUN}/UNIT-x-y.socket.d",
        f"{RUN}/UNIT-.socket.d",
    )
    yield Case(
        "drop-ins of names cut after a dash", {**dashed, **{f"{folder}/{n}.conf": more.format(f"P{n}") for n, folder in enumerate(cut, 1)}}
    )
    for first, second in itertools.combinations(cut, 2):
        yield Case(
            "drop-ins of one name, cut after a dash",
            {**dashed, f"{first}/a.conf": more.format("P1"), f"{second}/a.conf": more.format("P2")},
        )
