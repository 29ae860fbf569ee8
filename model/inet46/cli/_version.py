"""The version, as it was installed."""

from __future__ import annotations

import importlib.metadata

__all__ = ["version"]


def version() -> str:
    """Return it, or what is true of a source that nobody has installed."""
    try:
        return importlib.metadata.version("inet46")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed, run from its source)"
