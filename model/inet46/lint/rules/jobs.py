"""Rules: jobs of launchd that are not loaded, and sockets that they do not get."""

from __future__ import annotations

from inet46.lint._rules import Found, Subject, rule
from inet46.lint.rules._inetd import advised

__all__: list[str] = []


@rule("I820", "job-lost")
def job_lost(subject: Subject) -> Found:
    """What it catches: a file in LaunchDaemons that is no property list, or no job: without Label, without a program.

    Why it bites: launchd does not load it, and none of its sockets is opened.

    Example:
        <plist version="1.0"><dict><key>Sockets</key>...</dict></plist>  (and no Label)

    Instead: Label, and Program or ProgramArguments; `plutil -lint` looks at the form.

    Source: launchd.plist(5); launchd-842 support/launchctl.c; read, never run

    """
    yield from advised(subject, "I820", "mend the file, and load it again")


@rule("I821", "job-disabled")
def job_disabled(subject: Subject) -> Found:
    """What it catches: a job with sockets that is disabled.

    Why it bites: launchd passes it over, unless `launchctl enable` has said otherwise; that is kept elsewhere, and wins over the file.

    Example:
        <key>Disabled</key> <true/>

    Instead: nothing, if it is meant to be off; else no Disabled, or `launchctl enable`.

    Source: launchd.plist(5), launchctl(1); read, never run

    """
    yield from advised(subject, "I821", "launchctl enable it, if it is meant to be served")


@rule("I822", "address-of-other-family")
def address_of_other_family(subject: Subject) -> Found:
    """What it catches: a SockNodeName of one family, and a SockFamily that names the other one.

    Why it bites: launchctl asks getaddrinfo for both at once and gets nothing, so that no socket is made; the job is loaded all the same.

    Example:
        <key>SockNodeName</key> <string>::1</string>
        <key>SockFamily</key>   <string>IPv4</string>

    Instead: no SockFamily; the address says it.

    Source: launchd-842 support/launchctl.c (sock_dict_edit_entry: getaddrinfo); read, never run

    """
    yield from advised(subject, "I822", "take SockFamily out, or name an address of that family")
