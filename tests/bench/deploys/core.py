"""The same services by pyinfra's own operations: the very files, the setting, a reload, and a look whether everything listens."""

import io
import os

from pyinfra.operations import files, server
from pyinfra.operations.util import any_changed

from tests.bench.services import FIRST_PORT, LISTENING, paragraphs

count, word = int(os.environ["BENCH_SERVICES"]), os.environ.get("BENCH_WORD", "ready")
puts = [
    files.put(name=path, src=io.StringIO(text), dest=path, user="root", group="root", mode="644")
    for path, text in paragraphs(count, word).items()
]
server.sysctl(name="bindv6only", key="net.ipv6.bindv6only", value=0, persist=True)
server.shell(name="reload", commands=["kill -HUP $(pidof xinetd) && sleep 0.2"], _if=any_changed(*puts))
server.shell(name="listening", commands=[LISTENING.format(first=FIRST_PORT, last=FIRST_PORT + count - 1, ports=2 * count)])
