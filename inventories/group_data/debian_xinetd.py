"""Debian 12 with xinetd."""

inet46_policy = "debian-12/xinetd"
