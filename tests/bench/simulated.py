"""An inventory for pyinfra: a thousand hosts that are not there, each with twenty services under xinetd, as wanted already."""

from __future__ import annotations

import os
from typing import Any as _Any

from inet46 import plan as _plan
from pyinfra_inet46.look import (
    Account as _Account,
)
from pyinfra_inet46.look import (
    FileKind as _FileKind,
)
from pyinfra_inet46.look import (
    FileSeen as _FileSeen,
)
from pyinfra_inet46.look import (
    Look as _Look,
)
from pyinfra_inet46.look import (
    Program as _Program,
)
from pyinfra_inet46.look import (
    ProgramState as _ProgramState,
)
from pyinfra_inet46.look import (
    Setting as _Setting,
)
from pyinfra_inet46.look import (
    SuperServer as _SuperServer,
)
from pyinfra_inet46.look import (
    encode_look as _encode_look,
)
from pyinfra_inet46.verdict import Listening as _Listening
from tests.bench.services import services as _services


def _look(pid: int) -> list[str]:
    """What such a host answers; no two have their xinetd under the same number."""
    made = _plan(_services(20), "debian-12/xinetd")
    files = dict(made.files)
    return _encode_look(
        _Look(
            system="Linux",
            release="6.1.0",
            os_id="debian",
            os_version="12",
            super_servers=(_SuperServer(kind="xinetd", path="/usr/sbin/xinetd", pid=pid, argv=("/usr/sbin/xinetd",), package="xinetd"),),
            files=tuple(
                _FileSeen(path=path, kind=_FileKind.REGULAR, content=text.encode(), mode=0o644, uid=0, gid=0)
                for path, text in files.items()
            ),
            settings=(_Setting(key="net.ipv6.bindv6only", value="0"),),
            users=(_Account(name="root", number=0),),
            programs=(_Program(path="/bin/echo", state=_ProgramState.OK),),
            sockets=tuple(
                _Listening(
                    transport="tcp",
                    family=held.socket.family.value,
                    address=held.socket.address,
                    port=held.socket.port,
                    v6only=held.socket.v6only,
                    pids=(pid,),
                    command="xinetd",
                )
                for held in made.sockets
            ),
            clients=("python3",),
        )
    )


def _host(number: int, answer: list[str]) -> tuple[str, dict[str, _Any]]:
    responses = {"inet46-look": [line.replace("pid 4242", f"pid {number + 300}").replace(" 4242 ", f" {number + 300} ") for line in answer]}
    return f"@fake/host{number}", {"fake_responses": responses, "fake_delay": 0, "fake_delay_jitter": 0}


_ANSWER = _look(4242)
fleet = [_host(number, _ANSWER) for number in range(int(os.environ.get("BENCH_HOSTS", "1000")))]
