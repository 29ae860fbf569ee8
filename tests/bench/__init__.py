"""`make bench`: what inet46 costs, each time against what a user would take instead: the same work, on this machine, in one run.

Figures are ratios, since a machine's own speed is nobody's merit. CPU time (user and system) is taken where one process does the work, wall
time where hosts and connections do. No test is timed: a slow machine must not make a test fail.
"""
