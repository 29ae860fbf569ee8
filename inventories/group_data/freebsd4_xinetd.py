"""FreeBSD 4.9 with xinetd: a paragraph for each family."""

inet46_policy = {"name": "freebsd-4.9/xinetd", "sharing": "separate"}
