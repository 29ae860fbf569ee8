"""FreeBSD: UW-IMAP from the ports; its servers see by the port whether TLS is wanted."""

inet46_programs = {
    "imap": "/usr/local/libexec/imapd",
    "imaps": "/usr/local/libexec/imapd",
    "pop3": "/usr/local/libexec/ipop3d",
    "pop3s": "/usr/local/libexec/ipop3d",
}
