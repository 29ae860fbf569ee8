"""inet46: one network service, every super-server, both address families, proved.

    from inet46 import HostPolicy, Listener, Program, Service, plan, predict

The model (`Service`, `Listener`, `HostPolicy`) says what is wanted, `plan` works out what a host must be told, `predict` says which sockets
that really opens. The package does no I/O; only the command line reads files.

A name is loaded when it is asked for: who wants `Service` does not wait for the linter.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inet46.change import After, predict_change
    from inet46.convert import Conversion, convert, export
    from inet46.errors import Inet46Error, Inexpressible, ModelError, UnknownHost, UnknownRule, Unprovable
    from inet46.host import HostPolicy, Sharing
    from inet46.knowledge import resolve
    from inet46.lint import check
    from inet46.plan import Plan, plan
    from inet46.predict import Prediction, predict
    from inet46.service import Access, Builtin, Limits, Listener, Program, Rate, Service
    from inet46.sockets import Family, Socket, Transport

__all__ = [
    "Access",
    "After",
    "Builtin",
    "Conversion",
    "Family",
    "HostPolicy",
    "Inet46Error",
    "Inexpressible",
    "Limits",
    "Listener",
    "ModelError",
    "Plan",
    "Prediction",
    "Program",
    "Rate",
    "Service",
    "Sharing",
    "Socket",
    "Transport",
    "UnknownHost",
    "UnknownRule",
    "Unprovable",
    "check",
    "convert",
    "export",
    "plan",
    "predict",
    "predict_change",
    "resolve",
]

_MODULES = {
    "change": ("After", "predict_change"),
    "convert": ("Conversion", "convert", "export"),
    "errors": ("Inet46Error", "Inexpressible", "ModelError", "UnknownHost", "UnknownRule", "Unprovable"),
    "host": ("HostPolicy", "Sharing"),
    "knowledge": ("resolve",),
    "lint": ("check",),
    "plan": ("Plan", "plan"),
    "predict": ("Prediction", "predict"),
    "service": ("Access", "Builtin", "Limits", "Listener", "Program", "Rate", "Service"),
    "sockets": ("Family", "Socket", "Transport"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def _loaded(name: str) -> Any:
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


class _Package(ModuleType):
    """This package. `plan`, `predict` and `convert` name a module and the function in it; as attributes they are the functions.

    The import system sets a submodule as an attribute of its package, whatever the name meant until then; here that is passed over.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = self.__dict__[name] = _loaded(name)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
