"""POP3 and POP3S on both address families, whatever the super-server.

A look first: `pyinfra inventories/prod.py deploys/pop3.py --dry --diff`.
"""

from inet46 import Service
from pyinfra_inet46.deploys import answer, program

answer(
    services=[
        Service(name="pop3", port=110, program=program("pop3"), greeting="+OK"),
        Service(name="pop3s", port=995, program=program("pop3s")),
    ],
)
