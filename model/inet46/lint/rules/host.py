"""Rules: what is set on the host, or missing there, that decides what its super-server can do."""

from __future__ import annotations

import re

from inet46 import formats
from inet46.diagnostics import Severity, Source, Span
from inet46.knowledge import Place, Setting
from inet46.lint._boot import RC_CONF, rc_conf_alone, rc_conf_value, sysctl_lines, sysctl_value
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._inetd import advised, classic
from inet46.service import Program
from inet46.sockets import Family

__all__: list[str] = []

_BACKUP = re.compile(r"~$|\.(bak|old|orig|save|swp|rej|rpm(save|new|orig)|dpkg-[a-z]+|ucf-[a-z]+)$|^#.*#$|^\.#", re.IGNORECASE)
_YES = {"yes", "true", "on", "1"}


def _sysctl_lines(subject: Subject, key: str) -> list[tuple[Span, str]]:
    """Return where the sysctl files of a host give a key a value, and which."""
    return sysctl_lines(subject.files, key, freebsd=bool(_rc_settings(subject)))


def _rc_settings(subject: Subject) -> list[Setting]:
    return [setting for setting in subject.host.row.mapping if setting.place is Place.RC_CONF]


def _in_rc_conf(subject: Subject, name: str) -> Span:
    """Return where rc.conf speaks of a variable, the whole file if it is hard to say."""
    source = Source(RC_CONF, subject.files.get(RC_CONF, ""))
    found = None
    for match in re.finditer(rf"^[ \t]*(export[ \t]+)?{re.escape(name)}=[^\n]*", source.text, re.MULTILINE):
        found = match
    return Span(source, found.start(), found.end()) if found is not None else Span(source, 0, 0)


@rule("I502", "no-ipv6")
def no_ipv6(subject: Subject) -> Found:
    """What it catches: an IPv6 socket on a host that has no IPv6 at all.

    Why it bites: the socket cannot be made (`Address family not supported`). inetds log it and go on; a line for IPv6 alone opens nothing.

    Example:
        imap stream tcp6 nowait root /usr/sbin/imapd imapd

    Instead: IPv4 alone on such a host, or IPv6 in its kernel.

    Source: socket(2): EAFNOSUPPORT; measured: tests/test_daemons.py

    """
    yield from advised(subject, "I502", "write a line for IPv4, or give the host IPv6")


@rule("I503", "user-not-there")
def user_not_there(subject: Subject) -> Found:
    """What it catches: a user that the host does not have.

    Why it bites: the super-server opens the socket and disconnects every client. Those that look the user up at once drop the line
    instead, which is I117, or I531 for xinetd.

    Example:
        imap stream tcp nowait cyrus /usr/sbin/imapd imapd

    Instead: make the user first, or name another one.

    Source: getpwnam(3) in inetd.c of openbsd-inetd and busybox, for each client; measured:
    tests/test_daemons.py

    """
    for entry in classic(subject):
        if not subject.host.policy.has("users", entry.user) and not entry.user.isdigit() and "/" not in entry.user:
            text = f"{entry.service}/{entry.transport.value}: there is no user {entry.user} on this host"
            yield tell(text, entry.origin, severity=Severity.ERROR, remedy="make the user, or name another one")


@rule("I504", "program-not-there")
def program_not_there(subject: Subject) -> Found:
    """What it catches: a server that is no executable file on the host, or a super-server that is not there (Debian's busybox has none).

    Why it bites: the port is open and every client is disconnected at once. Most files in the wild carry such a line from a package that
    went.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd

    Instead: install the program, or take the line out.

    Source: execv(3) in every inetd, after the client was accepted; measured: tests/test_daemons.py

    """
    policy = subject.host.policy
    if not policy.has("programs", subject.host.row.daemon):
        yield tell(f"{subject.host.row.daemon} is no program on this host: nothing reads these files", None, severity=Severity.ERROR)
    for entry in classic(subject):
        path = entry.program.path if isinstance(entry.program, Program) else None
        if path is not None and not policy.has("programs", path):
            text = f"{entry.service}/{entry.transport.value}: {path} is no program on this host: every client will be disconnected"
            yield tell(text, entry.origin, severity=Severity.ERROR, remedy="install it, or take the line out")


@rule("I505", "ipv6-off-and-bound")
def ipv6_off_and_bound(subject: Subject) -> Found:
    """What it catches: IPv6 sockets where the host's interfaces have IPv6 switched off by sysctl.

    Why it bites: Linux binds [::] all the same, without an error, so a socket that is listed proves nothing. One for both families goes on
    serving IPv4; one for IPv6 alone serves nobody.

    Example:
        net.ipv6.conf.all.disable_ipv6 = 1

    Instead: the setting at 0, or lines for IPv4 alone.

    Source: linux net/ipv6/addrconf.c (disable_ipv6 takes addresses away, not the family); measured: tests/test_kernel.py

    """
    key = "net.ipv6.conf.all.disable_ipv6"
    if not (subject.host.kernel.knob or "").startswith("net.ipv6."):
        return
    told = [(place, value) for place, value in _sysctl_lines(subject, key) if value != "0"]
    stated = subject.host.policy.setting(key)
    if not told and stated in {None, "0"}:
        return
    for held in subject.prediction.sockets:
        if held.socket.family is Family.IPV6:
            text = f"{held.entry.service}/{held.entry.transport.value}: {held.socket} is bound although {key} takes every IPv6 address away"
            yield tell(text, held.entry.origin, severity=Severity.NOTE, remedy="look at who can reach it, not at whether it listens")


@rule("I507", "backup-file-read")
def backup_file_read(subject: Subject) -> Found:
    """What it catches: a backup copy in a folder of which every file is read.

    Why it bites: inetutils reads all of /etc/inetd.d, whatever the names. The old lines are served again, or stand in the way of the new
    ones, and which of the two comes first is chance.

    Example:
        /etc/inetd.d/imap.dpkg-old

    Instead: keep copies elsewhere.

    Source: inetutils inetd.c (config_dir: every regular file); measured: tests/test_daemons.py

    """
    folder = (subject.host.directory or "").rstrip("/") + "/"
    if subject.xinetd is not None or subject.host.directory is None:
        return
    for source in subject.reading.sources:
        name = source.path.removeprefix(folder)
        if source.path.startswith(folder) and _BACKUP.search(name):
            text = "this file looks like a backup copy, and is read like every other one of the folder"
            yield tell(text, Span(source, 0, 0), remedy="move it out of the folder")


@rule("I508", "sysctl-conf-overruled")
def sysctl_conf_overruled(subject: Subject) -> Found:
    """What it catches: a line for the kernel's setting in /etc/sysctl.conf, where rc.conf says otherwise or nothing.

    Why it bites: on FreeBSD, rc.d/netoptions writes net.inet6.ip6.v6only at every boot, from `ipv6_ipv4mapping`, after /etc/sysctl.conf was
    read. Later rc.d/sysctl_lastload reads the file once more, with nothing to say whether inetd has started by then.

    Example:
        net.inet6.ip6.v6only=0

    Instead: `ipv6_ipv4mapping="YES"` in /etc/rc.conf.

    Source: FreeBSD libexec/rc/rc.d/netoptions (netoptions_inet6), sysctl, sysctl_lastload

    """
    knob = subject.host.kernel.knob
    scripted = next((setting for setting in _rc_settings(subject) if setting.script is not None), None)
    if knob is None or scripted is None or RC_CONF not in subject.files:
        return
    value, _ = rc_conf_value(subject.files, scripted.key, scripted.script)
    boot = "0" if isinstance(value, str) and value.lower() in _YES else "1"
    for place, told in _sysctl_lines(subject, knob):
        if told != boot and (value is None or isinstance(value, str)):
            text = f"{knob}={told} does not last: rc.d/{scripted.script} writes {boot} at boot, by {scripted.key}"
            yield tell(text, place, remedy=f'say {scripted.key}="{"YES" if told == "0" else "NO"}" in {RC_CONF}')


@rule("I509", "mapping-without-ipv6")
def mapping_without_ipv6(subject: Subject) -> Found:
    """What it catches: `ipv6_ipv4mapping="YES"` on a FreeBSD that looks at it only when `ipv6_enable` says YES as well.

    Why it bites: up to FreeBSD 8 the script that reads the one variable is run for the other one alone. The kernel then keeps what it
    booted with, and `tcp46` takes no IPv4 clients.

    Example:
        ipv6_ipv4mapping="YES"

    Instead: `ipv6_enable="YES"` beside it.

    Source: FreeBSD etc/rc.network6 of 4.x, etc/rc.d/network_ipv6 of 5 to 8 (rcvar)

    """
    settings = {setting.key: setting.value for setting in _rc_settings(subject)}
    if {"ipv6_enable", "ipv6_ipv4mapping"} <= settings.keys() and RC_CONF in subject.files:
        mapping, enabled = (rc_conf_value(subject.files, name)[0] for name in ("ipv6_ipv4mapping", "ipv6_enable"))
        on = isinstance(mapping, str) and mapping.lower() in _YES
        if on and (enabled is None or (isinstance(enabled, str) and enabled.lower() not in _YES)):
            place = _in_rc_conf(subject, "ipv6_ipv4mapping")
            yield tell("ipv6_ipv4mapping is looked at only if ipv6_enable says YES", place, remedy='add ipv6_enable="YES"')


@rule("I510", "rc-conf-d-overrides")
def rc_conf_d_overrides(subject: Subject) -> Found:
    """What it catches: a variable in /etc/rc.conf that another file sets again, to something else.

    Why it bites: /etc/rc.conf.local and /etc/rc.conf.d/netoptions are read after /etc/rc.conf, and the last one wins. Whoever edits
    rc.conf sees no effect.

    Example:
        /etc/rc.conf                ipv6_ipv4mapping="YES"
        /etc/rc.conf.d/netoptions   ipv6_ipv4mapping="NO"

    Instead: one place.

    Source: FreeBSD libexec/rc/rc.subr (load_rc_config)

    """
    for setting in _rc_settings(subject):
        main = rc_conf_alone(subject.files, setting.key)
        value, path = rc_conf_value(subject.files, setting.key, setting.script)
        if isinstance(main, str) and isinstance(value, str) and main != value and path != RC_CONF:
            text = f'{setting.key}="{main}" has no effect: {path} says "{value}"'
            yield tell(text, _in_rc_conf(subject, setting.key), remedy="say it in one place")


@rule("I511", "setting-differs-at-boot")
def setting_differs_at_boot(subject: Subject) -> Found:
    """What it catches: a sysctl file that gives `net.ipv6.bindv6only` another value than the host is taken to have.

    Why it bites: some old Debian hosts carry /etc/sysctl.d/bindv6only.conf with 1. Every IPv6 socket of which the daemon leaves it to the
    kernel then refuses IPv4. Another network namespace does not inherit the setting: a container starts with 0.

    Example:
        net.ipv6.bindv6only = 1

    Instead: the line away, or the setting stated for the host (`settings`), so that what is predicted is what is there.

    Source: linux net/ipv6/af_inet6.c (inet6_net_init, inet6_create), Documentation/networking/ip-sysctl.rst

    """
    knob = subject.host.kernel.knob
    if knob is None or not knob.startswith("net.ipv6."):
        return
    value, path = sysctl_value(subject.files, knob)
    now = "1" if subject.host.v6only_default else "0"
    if not isinstance(value, str) or value == now:
        return
    place = next((place for place, told in reversed(_sysctl_lines(subject, knob)) if told == value and place.source.path == path), None)
    text = f"{knob} is {value} after the next boot, and {now} is what the host is taken to have"
    note = "a network namespace does not inherit the setting: a container starts with the kernel's own"
    yield tell(text, place, notes=(note,), remedy="state the setting for the host, or take the line out")


@rule("I512", "inetd-conf-served-too")
def inetd_conf_served_too(subject: Subject) -> Found:
    """What it catches: services in /etc/inetd.conf, on a host whose xinetd reads that file as well.

    Why it bites: Debian starts xinetd with `-inetd_compat`. What stands in /etc/inetd.conf is served beside /etc/xinetd.d, also by who
    thinks that the file went with the old inetd.

    Example:
        /etc/inetd.conf   ident stream tcp nowait nobody /usr/sbin/identd identd

    Instead: move the services to /etc/xinetd.d, or `INETD_COMPAT=No` in /etc/default/xinetd.

    Source: Debian xinetd debian/xinetd.init, /etc/default/xinetd; measured: tests/test_daemons.py

    """
    if subject.xinetd is None or not subject.host.compat:
        return
    for entry in classic(subject):
        text = f"{entry.service}/{entry.transport.value}: xinetd serves {formats.COMPAT} too on this host"
        yield tell(
            text, entry.origin, severity=Severity.NOTE, remedy="move it to /etc/xinetd.d, or write INETD_COMPAT=No in /etc/default/xinetd"
        )


@rule("I513", "obsolete-ipv6-enable")
def obsolete_ipv6_enable(subject: Subject) -> Found:
    """What it catches: `ipv6_enable` on a FreeBSD that has other variables for it.

    Why it bites: since FreeBSD 9 each interface is told by itself (`ifconfig_IF_ipv6`), and the old variable is read for old files' sake
    only. An interface that is told nothing has IPv6 switched off: listeners are there, and nobody reaches them but the host itself.

    Example:
        ipv6_enable="YES"

    Instead: `ifconfig_IF_ipv6="inet6 accept_rtadv"`, or `ipv6_activate_all_interfaces="YES"`.

    Source: FreeBSD UPDATING of 9.0, libexec/rc/network.subr (ipv6if)

    """
    settings = {setting.key for setting in _rc_settings(subject)}
    if not settings or "ipv6_enable" in settings or RC_CONF not in subject.files:
        return
    value, path = rc_conf_value(subject.files, "ipv6_enable")
    if value is not None and path == RC_CONF:
        remedy = "tell each interface with ifconfig_IF_ipv6"
        yield tell("ipv6_enable is obsolete since FreeBSD 9", _in_rc_conf(subject, "ipv6_enable"), severity=Severity.NOTE, remedy=remedy)
