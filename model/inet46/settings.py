"""Settings of a host, by value: which files have to say them, and which live values have to be set.

A setting that already has its value is left alone, however it is spelled; one that an override decides is changed where it is decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from inet46.errors import Unprovable
from inet46.formats import rc_conf, sysctl_conf
from inet46.formats._assignments import Unknown, Unsettled
from inet46.formats._sysctl_lines import Dialect
from inet46.knowledge import Host, Place, Setting

__all__ = ["Settled", "settle"]

_YES = {"yes", "true", "on", "1"}  # rc.subr, checkyesno: each of them is YES


@attrs.frozen(kw_only=True)
class Settled:
    """What it takes to make settings true: new texts of files, live values to set, and overrides that were met on the way."""

    files: Mapping[str, str] = attrs.field(factory=dict, eq=False)
    live: tuple[Setting, ...] = ()
    notes: tuple[str, ...] = ()


def settle(settings: Iterable[Setting], host: Host, files: Mapping[str, str], links: Mapping[str, str] | None = None) -> Settled:
    """Work out the edits for these settings on a host with these files; `links` maps symbolic links among them to where they end.

    Raises Unprovable when the present value of a setting cannot be known, with file and line.
    """
    texts: dict[str, str] = {}
    live: list[Setting] = []
    notes: list[str] = []
    for setting in settings:
        now = {**files, **texts}
        try:
            match setting.place:
                case Place.LIVE:
                    if host.policy.setting(setting.key) != setting.value:
                        live.append(setting)
                    continue
                case Place.RC_CONF:
                    value, _ = rc_conf.effective(now, setting.key, setting.script)
                    if not isinstance(value, Unknown) and value is not None and {value.lower(), setting.value.lower()} <= _YES:
                        continue
                    edits = rc_conf.plan_edits(now, setting.key, setting.value, setting.script)
                case Place.SYSCTL:
                    edits = sysctl_conf.plan_edits(now, setting.key, setting.value, links=links)
                case Place.SYSCTL_CONF:
                    edits = sysctl_conf.plan_edits(now, setting.key, setting.value, dialect=Dialect.FREEBSD)
        except Unsettled as error:
            raise Unprovable([str(error)]) from error
        texts.update(edits.texts)
        notes.extend(edits.notes)
    return Settled(files=texts, live=tuple(live), notes=tuple(notes))
