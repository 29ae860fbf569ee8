"""Debian 12 with inetutils-inetd."""

inet46_policy = "debian-12/inetutils-inetd"
