"""Log in to mail services the way a client elsewhere would, from the namespace this program is started in.

A program of its own: reads a JSON list of `[service, address, port]`, tries all at the same time, and prints a JSON list of "ok" or
the reason for each.
"""

import concurrent.futures
import imaplib
import json
import poplib
import ssl
import sys
import time

_USER = "alice"
_PASSWORD = "wonderland"
_PATIENCE = 10


def login(service: str, address: str, port: int) -> str:
    """Log in and open the mailbox: "ok", or why not in a few words.

    One POP3 session has the mailbox to itself (RFC 1939, 8.1.1), so a login that finds it in use comes again, as a mail program does.
    """
    deadline = time.monotonic() + _PATIENCE
    while "[IN-USE]" in (outcome := _try(service, address, port)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return outcome


def _try(service: str, address: str, port: int) -> str:
    try:
        if service.startswith("imap"):
            _imap(address, port, tls=service == "imaps")
        else:
            _pop3(address, port, tls=service == "pop3s")
    except TimeoutError:
        return "timed out"
    except ConnectionError as problem:
        return (problem.strerror or type(problem).__name__).lower()
    except poplib.error_proto as problem:
        said = problem.args[0]
        return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    except (OSError, EOFError, imaplib.IMAP4.error) as problem:
        return str(problem) or type(problem).__name__
    return "ok"


def _imap(address: str, port: int, *, tls: bool) -> None:
    client = (
        imaplib.IMAP4_SSL(address, port, ssl_context=_anybody(), timeout=_PATIENCE)
        if tls
        else imaplib.IMAP4(address, port, timeout=_PATIENCE)
    )
    with client:
        client.login(_USER, _PASSWORD)
        status, _ = client.select("INBOX", readonly=True)
        if status != "OK":
            raise imaplib.IMAP4.error(f"SELECT said {status}")


def _pop3(address: str, port: int, *, tls: bool) -> None:
    client = poplib.POP3_SSL(address, port, context=_anybody(), timeout=_PATIENCE) if tls else poplib.POP3(address, port, timeout=_PATIENCE)
    try:
        client.user(_USER)
        client.pass_(_PASSWORD)
        client.stat()
        client.quit()
    finally:
        client.close()


def _anybody() -> ssl.SSLContext:
    """The lab's certificate is self-signed; that there is TLS is what counts here."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def main() -> None:
    """Read the probes, run them, print the outcomes."""
    probes = json.load(sys.stdin)
    with concurrent.futures.ThreadPoolExecutor(max_workers=16) as pool:
        json.dump(list(pool.map(lambda probe: login(*probe), probes)), sys.stdout)


if __name__ == "__main__":
    main()
