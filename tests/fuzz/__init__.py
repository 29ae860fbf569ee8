"""Hostile input: every door through which a text comes in is given texts that nobody meant to write.

`python -m tests.fuzz` (make fuzz) gives a million; `tests/test_fuzz.py` a few thousand of them in the ordinary suite. What is found is
shrunk and kept in `build/fuzz`, and `python -m tests.fuzz --again FILE` shows it again.
"""
