"""Rows: the service names that /etc/services knows nearly everywhere. No functions here.

They stand in for a look at the host when there was none; a look (HostPolicy.services) always wins.
"""

__all__ = ["PORTS"]

PORTS = {
    "tcpmux/tcp": 1,
    "echo/tcp": 7,
    "echo/udp": 7,
    "discard/tcp": 9,
    "discard/udp": 9,
    "daytime/tcp": 13,
    "daytime/udp": 13,
    "chargen/tcp": 19,
    "chargen/udp": 19,
    "ftp/tcp": 21,
    "ssh/tcp": 22,
    "telnet/tcp": 23,
    "smtp/tcp": 25,
    "time/tcp": 37,
    "time/udp": 37,
    "tftp/udp": 69,
    "finger/tcp": 79,
    "pop3/tcp": 110,
    "auth/tcp": 113,
    "ident/tcp": 113,
    "nntp/tcp": 119,
    "imap2/tcp": 143,
    "imap/tcp": 143,
    "imap3/tcp": 220,
    "exec/tcp": 512,
    "biff/udp": 512,
    "comsat/udp": 512,
    "login/tcp": 513,
    "shell/tcp": 514,
    "talk/udp": 517,
    "ntalk/udp": 518,
    "uucp/tcp": 540,
    "rsync/tcp": 873,
    "imaps/tcp": 993,
    "pop3s/tcp": 995,
}
# Sources: Debian 12 netbase /etc/services; FreeBSD usr.sbin/services_mkdb/services. They differ on imap/udp and pop3/udp, left out here.
