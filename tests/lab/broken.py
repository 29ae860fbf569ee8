"""A deploy that must not succeed: IMAP by a program that takes the connection and never says a word."""

from inet46 import Program, Service
from pyinfra_inet46.deploys import answer

answer(
    services=[Service(name="imap", port=143, program=Program(path="/usr/local/sbin/never-greets"), greeting="* OK")],
)
