"""Rows: launchds. No functions here."""

from inet46.knowledge.rows import LaunchdBuild

__all__ = ["LAUNCHDS"]

LAUNCHDS = (
    LaunchdBuild(
        name="launchd",
        folders=("/Library/LaunchDaemons", "/System/Library/LaunchDaemons"),
        source="launchd-842 (2013, the last open one) support/launchctl.c; launchd.plist(5); read, never run",
    ),
)
