"""inet46: one network service, every super-server, both address families, proved.

    from inet46 import HostPolicy, Listener, Program, Service, plan, predict

The model (`Service`, `Listener`, `HostPolicy`) says what is wanted, `plan` works out what a host must be told, `predict` says which sockets
that really opens. The package does no I/O; only the command line reads files.
"""

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
