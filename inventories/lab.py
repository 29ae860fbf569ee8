"""The lab's hosts, grouped as a fleet's would be: `python3 -m tests.lab up` (or `make lab`) starts them, INET46_LAB names another lab.

Read from the running lab's lab.json. ssh enters a host's namespaces through a ProxyCommand, so nothing of the lab is on this
machine's own network.
"""

import json
import os
from pathlib import Path
from typing import Any

from pyinfra.api.exceptions import PyinfraError

_NAME = os.environ.get("INET46_LAB", "lab")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _lab() -> dict[str, Any]:
    try:
        lab: dict[str, Any] = json.loads((_CACHE / "inet46/labs" / _NAME / "lab.json").read_text())
        alive, *_, started = Path(f"/proc/{lab['keeper']['pid']}/stat").read_text().rpartition(")")[2].split()[:20]
    except FileNotFoundError:
        lab, alive, started = {}, "", ""
    if not lab or alive == "Z" or started != lab["keeper"]["started"]:
        which = "no lab is running" if _NAME == "lab" else f"no lab named {_NAME!r} is running"
        raise PyinfraError(f"{which}: `make lab` starts one")
    return lab


def _hosts(lab: dict[str, Any], **wanted: str) -> list[tuple[str, dict[str, Any]]]:
    ssh = {
        "ssh_user": "root",
        "ssh_config_file": lab["ssh_config"],
        "ssh_key": lab["ssh_key"],
        "ssh_known_hosts_file": lab["ssh_known_hosts"],
        "ssh_strict_host_key_checking": "yes",
    }
    # A change that is to be confirmed is confirmed from the bridge, where the hosts' clients are.
    via = ("nsenter", f"--target={lab['init']}", "--net", "--") if lab["hosts"] else ()
    return [
        (host["name"], {**ssh, "inet46_outside": {"ipv4": host["address4"], "ipv6": host["address6"]}, "inet46_via": via})
        for host in lab["hosts"]
        if all(host[key] == value for key, value in wanted.items())
    ]


_LAB = _lab()

debian = _hosts(_LAB)
debian_openbsd_inetd = _hosts(_LAB, super_server="openbsd-inetd")
debian_inetutils_inetd = _hosts(_LAB, super_server="inetutils-inetd")
debian_xinetd = _hosts(_LAB, super_server="xinetd")
systemd = _hosts(_LAB, init="systemd")
