"""Debian 12 without an inetd: systemd opens the sockets itself, with a unit for each service."""

inet46_policy = "debian-12/systemd"
