"""FreeBSD 14 with its own inetd."""

inet46_policy = "freebsd-14/inetd"
