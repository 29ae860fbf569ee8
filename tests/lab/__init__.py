"""A lab: real mail hosts on one Linux machine, made of namespaces, for tests, the demo and `pyinfra inventories/lab.py`.

    with Lab.start([HostSpec(name="mail", super_server="xinetd")]) as lab:
        lab["mail"].run("ss -ltn")
        lab.login("mail", "imap", "ipv6")

Only the standard library is needed. As a program: `python3 -m tests.lab --help`.
"""

from tests.lab.image import base_root
from tests.lab.lab import FAMILIES, PORTS, Family, Host, Lab, Service, Socket
from tests.lab.places import LabError, missing
from tests.lab.spec import DEFAULT_HOSTS, MAIL_PROGRAMS, HostSpec

__all__ = [
    "DEFAULT_HOSTS",
    "FAMILIES",
    "MAIL_PROGRAMS",
    "PORTS",
    "Family",
    "Host",
    "HostSpec",
    "Lab",
    "LabError",
    "Service",
    "Socket",
    "base_root",
    "missing",
]
