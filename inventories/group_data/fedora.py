"""Fedora 33 with xinetd: one paragraph with flags = IPv6 serves both families."""

inet46_policy = {"name": "fedora-33/xinetd", "sharing": "mapped"}

inet46_programs = {
    "imap": "/usr/local/sbin/imapd",
    "imaps": "/usr/local/sbin/imapd",
    "pop3": "/usr/local/sbin/ipop3d",
    "pop3s": "/usr/local/sbin/ipop3d",
}
