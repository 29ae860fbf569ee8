r"""How systemd spells values: words and quotes, specifiers, variables, numbers, addresses. Nothing of what a setting means.

Sources: extract-word.c (extract_first_word), escape.c (cunescape_one), parse-util.c (safe_atou), socket-util.c (socket_address_parse),
unit-printf.c, load-fragment.c (config_parse_exec), env-util.c (replace_env_argv) of systemd 252; measured: tests/test_lab_systemd.py.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

__all__ = ["EVERYBODY", "address", "boolean", "escaped", "expand", "network", "number", "quote", "split", "unescaped"]

_BLANK = " \t\n\r"
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'", "s": " "}
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\\"'s])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))")
EVERYBODY = ("0.0.0.0/0", "::/0")


def split(text: str) -> list[tuple[str, bool]] | None:
    r"""Split a value into words, each with whether it stands there bare; None if a quote is not closed.

    Quotes of both kinds group anywhere in a word, \ begins an escape of C inside of them and outside, and one that is none is kept.
    """
    words: list[tuple[str, bool]] = []
    at = 0
    while at < len(text):
        if text[at] in _BLANK:
            at += 1
            continue
        start, word, quote = at, bytearray(), ""
        while at < len(text) and (quote or text[at] not in _BLANK):
            letter = text[at]
            if letter == quote:
                quote = ""
            elif not quote and letter in "'\"":
                quote = letter
            elif letter == "\\":
                meant, at = _escape(text, at)
                word += meant
                continue
            else:
                word += _bytes(letter)
            at += 1
        if quote:
            return None
        words.append((word.decode("utf-8", "surrogateescape"), text[start:at] == ";"))
    return words


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _escape(text: str, at: int) -> tuple[bytes, int]:
    """Return the bytes that an escape means, and where it ends."""
    match = _ESCAPE.match(text, at)
    if match is None:
        if text.startswith("\\;", at):
            return b";", at + 2
        return b"\\", at + 1
    letter, byte, short, long, octal = match.groups()
    code = int(octal, 8) if octal else int(byte or short or long or "1", 16)
    if code == 0 or (octal and code > 255) or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return b"\\", at + 1
    if letter:
        return _LETTERS[letter].encode(), match.end()
    return bytes([code]) if byte or octal else chr(code).encode(), match.end()


def quote(word: str, *, command: bool = False) -> str:
    """Spell one word such that systemd reads it back; in a `command` a variable is spelled out too."""
    said = word.replace("%", "%%")
    if command:
        said = said.replace("$", "$$")
    if re.fullmatch(r"[A-Za-z0-9_@%+=:,./$^~!*?(){}\[\]<>|&`-]+", said):
        return said
    return '"' + "".join(map(_spell, said)) + '"'


def _spell(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    raw = _bytes(letter)
    if letter < " " or letter == "\x7f" or "\udc80" <= letter <= "\udcff" or not letter.isprintable():
        return "".join(f"\\x{byte:02x}" for byte in raw)
    return letter


def expand(text: str, specifiers: Mapping[str, str]) -> str | None:
    """Put in what specifiers stand for; None if one is not known from the files alone. `%` before anything else is itself."""
    if any(name not in specifiers for name in re.findall(r"%([A-Za-z%])", text)):
        return None
    return re.sub(r"%([A-Za-z%])", lambda match: specifiers[match[1]], text)


def boolean(text: str) -> bool | None:
    """Read yes or no in systemd's spellings, None for what is neither."""
    word = text.lower()
    return True if word in {"1", "yes", "y", "true", "t", "on"} else False if word in {"0", "no", "n", "false", "f", "off"} else None


def number(text: str, *, most: int = 2**32 - 1) -> int | None:
    """Read a whole number as safe_atou does: 0x is hexadecimal, 0b binary, 0o and a leading 0 octal."""
    match = re.fullmatch(r"0[xX]([0-9a-fA-F]+)|0b([01]+)|0o?([0-7]+)|([1-9][0-9]*|0)", text)
    if match is None or len(text) > 20:
        return None
    value = next(int(digits, base) for digits, base in zip(match.groups(), (16, 2, 8, 10), strict=True) if digits is not None)
    return value if value <= most else None


def address(text: str) -> tuple[str | None, int] | None:
    """Read what ListenStream can name of IPv4 and IPv6: a port alone (address None) or with its address; None for everything else."""
    host, colon, port = text.rpartition(":")
    digits = number(port, most=65535)
    if not digits:
        return None
    if not colon:
        return None, digits
    try:
        if host.startswith("[") and host.endswith("]"):
            six = ipaddress.IPv6Address(host[1:-1])
            mapped = six.ipv4_mapped
            return None if six.scope_id is not None else (str(six) if mapped is None else f"::ffff:{mapped}", digits)
        return str(ipaddress.IPv4Address(host)), digits
    except ValueError:
        return None


_NETWORKS = {
    "any": EVERYBODY,
    "localhost": ("127.0.0.0/8", "::1/128"),
    "link-local": ("169.254.0.0/16", "fe80::/64"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
}


def network(word: str) -> tuple[str, ...]:
    """Return the networks that a word of an access list means, as they are written there; none for what is no network."""
    if word in _NETWORKS:
        return _NETWORKS[word]
    try:
        ipaddress.ip_network(word, strict=False)
    except ValueError:
        return ()
    return (word,) if re.fullmatch(r"[0-9a-fA-F.:]+(/[0-9]+)?", word) else ()


def escaped(service: str) -> str:
    """Return a service's name as that of a unit, its letters spelled as systemd-escape does, but for `-`, which may stand as it is."""
    safe = re.sub(rb"[^A-Za-z0-9:_.-]", lambda match: f"\\x{match[0][0]:02x}".encode(), _bytes(service)).decode()
    return re.sub(r"^\.", r"\\x2e", safe)


def unescaped(stem: str) -> str:
    """Return the service of which a unit's name is made."""
    raw = re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), _bytes(stem))
    return raw.decode("utf-8", "surrogateescape")
