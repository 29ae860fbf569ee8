"""Debian: mailutils' servers, which the super-server starts with --inetd."""

inet46_programs = {
    "imap": "/usr/sbin/imap4d --inetd",
    "imaps": "/usr/sbin/imap4d --inetd --set tls-mode=connection",
    "pop3": "/usr/sbin/pop3d --inetd",
    "pop3s": "/usr/sbin/pop3d --inetd --set tls-mode=connection",
}
