"""Faults on purpose: a change of a lab's host is stopped at every step it has, in every way a host can be stopped.

    with Lab.start(HOSTS) as lab:
        outcome = Bench(lab, "openbsd-inetd").inject(Injection(kind=Kind.STEP, step=17))

`make faults N=500` plays that many and prints what became of each kind on each super-server; `tests/test_faults.py` plays a few.
"""
