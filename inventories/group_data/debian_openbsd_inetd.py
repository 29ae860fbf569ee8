"""Debian 12 with openbsd-inetd."""

inet46_policy = "debian-12/openbsd-inetd"
