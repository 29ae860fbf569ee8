"""IMAP and IMAPS on both address families, whatever the super-server.

A look first: `pyinfra inventories/prod.py deploys/imap.py --dry --diff`.
"""

from inet46 import Service
from pyinfra_inet46.deploys import answer, program

answer(
    services=[
        Service(name="imap", port=143, program=program("imap"), greeting="* OK"),
        Service(name="imaps", port=993, program=program("imaps")),  # speaks TLS from the first byte, so there is no greeting to see
    ],
)
