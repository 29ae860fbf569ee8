"""The names that a bench's /etc/hosts has beside its image's own, and what the resolver makes of them."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ADDRESSES", "OTHER", "TEXT"]

OTHER = "fd46::1"
"""An address of IPv6 that the loopback has besides its own."""

_LINES = (
    ("127.0.0.1", "localhost"),
    ("::1", "localhost ip6-localhost ip6-loopback"),
    ("127.0.0.2", "both.test"),
    (OTHER, "both.test"),
    ("127.0.0.3", "only4.test"),
    ("127.0.0.4", "two.test"),
    ("127.0.0.5", "two.test"),
)
TEXT = "".join(f"{address}\t{names}\n" for address, names in _LINES)

ADDRESSES: Mapping[str, tuple[str, ...]] = {
    name: tuple(address for address, names in _LINES if name in names.split()) for name in " ".join(names for _, names in _LINES).split()
}
