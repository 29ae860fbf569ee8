"""FreeBSD 14 with security/xinetd."""

inet46_policy = "freebsd-14/xinetd"
