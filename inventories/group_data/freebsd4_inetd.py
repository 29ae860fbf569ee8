"""FreeBSD 4.9 with its own inetd: one socket for both families, which needs ipv6_ipv4mapping."""

inet46_policy = {"name": "freebsd-4.9/inetd", "sharing": "mapped"}
