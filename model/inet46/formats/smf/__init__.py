"""Manifests of illumos' Service Management Facility: how inetd is told of a service there, and what of IPv6 only they can say.

inetd.conf is taken over into such manifests once, by inetconv, and has no word for an IPv6 socket that leaves IPv4 alone (tcp6only). The
folder is that of the site: `lib/svc/manifest/site` of the package SUNWcs (SUNWcs.p5m), which is imported at boot (manifest-import).
"""

from __future__ import annotations

from inet46.formats.smf.document import Document, emit, parse
from inet46.formats.smf.naming import converted, default, fmri, in_manifest, key, name_of, path_of
from inet46.formats.smf.reading import read
from inet46.formats.smf.writing import carried, switched_off, write

__all__ = [
    "Document",
    "carried",
    "converted",
    "default",
    "emit",
    "fmri",
    "in_manifest",
    "key",
    "name_of",
    "parse",
    "path_of",
    "read",
    "switched_off",
    "write",
]
