"""Real super-servers, so that what inet46 predicts can be held against what they do.

    with Bench("debian-12/xinetd", bindv6only=0) as bench:
        [look] = bench.run(*start({"/etc/xinetd.conf": "..."}))

A bench is a set of namespaces with the daemon's own Debian root in it; it lasts for as many daemons as are wanted, one after the other.
`cases` and `random_files` make files, `judge` holds them against the oracle: a wider search is one more generator.
"""

from tests.daemons import odd_files
from tests.daemons.bench import HOSTS, Bench, Files, Look, Step, host_on_bench, missing, start
from tests.daemons.judge import Case, Tally, judge

__all__ = ["HOSTS", "Bench", "Case", "Files", "Look", "Step", "Tally", "host_on_bench", "judge", "missing", "odd_files", "start"]
