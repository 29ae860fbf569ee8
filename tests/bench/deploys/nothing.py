"""One empty operation: what pyinfra itself takes for a fleet."""

from pyinfra.operations import server

server.shell(name="nothing", commands=["true"])
