"""The same services by pyinfra's own operations: the very files, the setting, a reload, and whether everything listens and answers."""

import io
import os

from pyinfra.operations import files, server
from pyinfra.operations.util import any_changed

from tests.bench.services import checks, paragraphs

count, word = int(os.environ["BENCH_SERVICES"]), os.environ.get("BENCH_WORD", "ready")
puts = [
    files.put(name=path, src=io.StringIO(text), dest=path, user="root", group="root", mode="644")
    for path, text in paragraphs(count, word).items()
]
server.sysctl(name="bindv6only", key="net.ipv6.bindv6only", value=0, persist=True)
listening, answering = checks(count, word)
changed = any_changed(*puts)
server.shell(name="reload", commands=["kill -HUP $(pidof xinetd) && sleep 0.2"], _if=changed)
server.shell(name="listening", commands=[listening])
server.shell(name="answering", commands=[answering], _if=changed)
