"""Rows: what comes nearest, on each kind of super-server, to a thing that it has no word for. No functions here.

A key is the kind of thing (the attribute of xinetd, or the field of a Service) and the kind of super-server; "" is every kind that has no
row of its own. The text says the equivalent and how it differs. Sources: systemd.socket(5), systemd.exec(5), hosts_access(5),
launchd.plist(5), inetd(8) and project(5) of each system; what systemd does beyond a limit was measured with systemd 252.
"""

from __future__ import annotations

__all__ = ["GUARDS", "NEAREST"]

NEAREST: dict[tuple[str, str], str] = {
    (
        "rate",
        "systemd",
    ): "TriggerLimitIntervalSec= and TriggerLimitBurst=, which put the socket unit into the state failed: the port stays closed "
    "until somebody restarts it, where xinetd's cps comes back by itself; PollLimitIntervalSec= (systemd 255) only slows down",
    (
        "rate",
        "inetd",
    ): "the super-server's own rate (nowait.MAX, -R), which closes the port for ten minutes and counts a minute, not a second",
    ("rate", "smf"): "max_con_rate, which counts one second, and con_rate_offline: the port is closed so long, and comes back by itself",
    ("rate", "launchd"): "none; pf can limit new connections for each address (max-src-conn-rate)",
    ("rate", ""): "a rate in the packet filter (nftables: limit rate)",
    ("instances", "inetd"): "a number of connections a minute (nowait.MAX), which is no number of servers at once",
    ("instances", ""): "a number of processes for the user (RLIMIT_NPROC)",
    ("per_source", "launchd"): "none; pf can limit connections for each address (max-src-conn)",
    ("per_source", ""): "the packet filter (nftables: ct count)",
    ("access", "inetd"): "tcpd as the server with the same networks in /etc/hosts.allow: a client is then disconnected after it connected",
    (
        "access",
        "smf",
    ): "tcp_wrappers=true, for stream and nowait, and the same networks in /etc/hosts.allow: a client is disconnected after it connected",
    ("access", "launchd"): "rules of pf for the port",
    ("access", ""): "rules of the packet filter for the port",
    ("rlimits", "smf"): "resource controls of a project (project(5)), which the method context can name",
    ("umask", "smf"): "a wrapper that sets umask, as the server",
    ("nice", "smf"): "/usr/bin/nice as the server, with the program as its argument",
    ("nice", "inetd"): "/usr/bin/nice as the server, with the program as its argument",
    ("umask", "inetd"): "a wrapper that sets umask, as the server",
    ("rlimits", "inetd"): "a login class (FreeBSD), or a wrapper that sets ulimit, as the server",
    ("environment", "inetd"): "/usr/bin/env as the server, with the variables and the program as its arguments",
    ("argv0", "systemd"): "ExecStart=@/path name, where the unit is written by hand",
    (
        "access_times",
        "systemd",
    ): "a timer that starts and stops the socket unit: outside its hours the port is closed, where xinetd accepts and hangs up",
    ("access_times", ""): "cron jobs that switch the service on and off",
    ("max_load", ""): "none that looks at the load",
    ("redirect", "systemd"): "systemd-socket-proxyd in the service, which hands the server its own address as the client's",
    ("redirect", ""): "a proxy such as socat as the server",
    ("banner", ""): "a wrapper that prints the file first",
    ("deny_time", ""): "fail2ban or a packet filter",
    (
        "log_on_success",
        "systemd",
    ): "the journal of each instance (name@…service), which has client and exit status, and no duration or USERID",
    ("log_on_failure", "systemd"): "NRefused= of the socket unit counts refused clients, and names none",
    ("log_on_success", ""): "the super-server's own logging (inetd -l), one line for each connection",
    ("log_on_failure", ""): "none",
    ("log_type", "systemd"): "StandardError=, SyslogFacility= and LogLevelMax= of the service",
    ("log_type", ""): "syslog's own configuration",
    ("groups", "systemd"): "none is needed: the user's supplementary groups are set",
    ("passenv", "systemd"): "PassEnvironment=, which takes them from systemd and not from a super-server",
    ("KEEPALIVE", "systemd"): "KeepAlive= of the socket",
    ("NODELAY", "systemd"): "NoDelay= of the socket",
    ("login class", ""): "none; limits of the service manager",
    ("connections a minute for each address", "systemd"): "none; MaxConnectionsPerSource= counts connections at once",
    ("connections a minute for each address", ""): "none but the packet filter",
}

GUARDS = frozenset({"access_times", "max_load", "deny_time", "redirect", "flags", "libwrap", "cps", "login class"}) | {
    "connections a minute for each address"
}
"""Things of a paragraph or line that keep somebody out or keep the host up; the others are how it is logged and shown."""
