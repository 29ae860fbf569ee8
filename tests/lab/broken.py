"""A deploy that must not succeed: IMAP by a program that takes the connection and never says a word."""

from inet46 import Program, Service
from pyinfra_inet46 import operations

operations.services(
    name="imap by a server that never greets",
    services=[Service(name="imap", port=143, program=Program(path="/usr/local/sbin/never-greets"), greeting="* OK")],
    deadline=3.0,
)
