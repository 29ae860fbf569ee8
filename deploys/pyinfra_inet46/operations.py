"""Make network services answer on IPv4 and IPv6, under whatever super-server the host has."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import attrs
from paramiko import SSHException
from pyinfra import host, logger, state
from pyinfra.api import OperationValueError, StringCommand, operation
from pyinfra.api.command import PyinfraCommand
from pyinfra.api.output import format_text
from pyinfra.context import ctx_host
from typing_extensions import override

from inet46.host import HostPolicy
from inet46.service import Service
from inet46.words import one_line
from pyinfra_inet46.facts import HostAnswers, HostLook, Unseen
from pyinfra_inet46.inputs import Policy, Services, confirmation, model, wish
from pyinfra_inet46.judge import Decision, Question, decide, question
from pyinfra_inet46.look import Look
from pyinfra_inet46.outside import Confirmation, Unasked, addresses_of, from_outside, reach
from pyinfra_inet46.transaction import Result, Transaction, Verdict, VerdictError, parse_verdict, render, render_answer

if TYPE_CHECKING:
    from pyinfra.api.arguments import ConnectorArguments
    from pyinfra.api.host import Host
    from pyinfra.api.state import State

    from pyinfra_inet46.migration import Wish

__all__ = ["migrate", "services"]

PATIENCE = 120
"""Seconds that a host has to answer a look, which takes it less than one; it has ten times as many for a change, unless `_timeout` says."""

# pyinfra asks an operation twice, once to see whether it changes anything and once to do it, and caches no facts. The answer of a look is
# kept until something was changed, the host was left alone, or another operation was done there: whatever that did, no look has seen. Only
# a transaction would notice by itself that a look has become stale.
_looks: WeakKeyDictionary[Host, dict[tuple[Question, int], Look]] = WeakKeyDictionary()


@operation()
def services(  # noqa: PLR0917 -- pyinfra's operations are called with keywords
    services: Services,
    policy: Policy | None = None,
    deadline: float = 10.0,
    confirm: float | None = None,
    outside: Mapping[str, str] | None = None,
    via: Sequence[str] = (),
    connect: bool = False,  # noqa: FBT001 FBT002 -- as above
) -> Generator[PyinfraCommand, None, None]:
    """
    Ensure that network services answer on the address families that they name, IPv4 and IPv6 if they name none.

    + services: ``inet46.Service`` objects, plain dicts, or the name of a TOML, YAML or JSON file
    + policy: what kind of host this is: a name such as ``debian-12/xinetd``, a dict, an ``inet46.HostPolicy`` or the name of a file; the
        host itself is asked when it is left out
    + deadline: seconds that the super-server has until every socket and every greeting must be there
    + confirm: seconds in which this controller must have connected to every service over each family, or else the host goes back by itself
    + outside: the host's addresses as seen from here, ``{"ipv4": …, "ipv6": …}``; what is left out is looked up by its name
    + via: words before the ``sh -s`` that connects, such as ``["ssh", "bastion"]``; this machine itself when left out
    + connect: connect to every service, by one more command, also where all is as wanted already; refuse a host where one does not answer

    One remote command looks; when anything is not as wanted, a second one changes files, settings and super-server, proves that both
    families answer, and puts everything back when they do not. A host that must not be touched is refused with the reason. Only when
    somebody else changes the host at the same time is it looked at again. With ``confirm`` a third command says how the connections
    from outside went.

    **Example:**

    .. code:: python

        services(
            name="IMAP on both families",
            services=[Service(name="imap", program=Program(path="/usr/sbin/imap4d", args=("--inetd",)), greeting="* OK")],
        )
    """
    try:
        wishes, kind = model(services, policy, deadline, connect=connect)
        wanted = confirmation(confirm, outside, via)
    except OperationValueError as error:
        yield from _mistaken(error)
        return
    yield from _carry_out(lambda: _asked(_decide(wishes, kind, deadline, wanted), connect=connect), wanted)


@operation()
def migrate(  # noqa: PLR0917 -- as above
    to: Policy,
    strict: bool = False,  # noqa: FBT001 FBT002 -- as above
    without: Sequence[str] = (),
    deadline: float = 10.0,
    confirm: float | None = None,
    outside: Mapping[str, str] | None = None,
    via: Sequence[str] = (),
) -> Generator[PyinfraCommand, None, None]:
    """
    Take a host from the super-server that it runs to another one, with every service that answers.

    + to: what kind of host it is to become: a name such as ``debian-12/xinetd``, a dict, an ``inet46.HostPolicy`` or the name of a file
    + strict: refuse when anything that guards a service would be lost: an access list, a limit, a family
    + without: names of services that are given up
    + deadline: seconds that the new super-server has until every socket must be there and every service answers as it did before
    + confirm: seconds in which this controller must have connected to everything that answered before, or else the host goes back by itself
    + outside: the host's addresses as seen from here, ``{"ipv4": …, "ipv6": …}``; what is left out is looked up by its name
    + via: words before the ``sh -s`` that connects, such as ``["ssh", "bastion"]``; this machine itself when left out

    One remote command looks. When another super-server runs than is wanted, a second one changes the files, stops and disables the old one,
    enables and starts the new one, and proves that everything answers over each family that answered before; otherwise the old files and
    the old super-server are back, running and enabled. With ``confirm`` a third command says how the connections from outside went, and
    until then the host knows its way back. The dry run shows the files, the sockets, and what is lost.

    **Example:**

    .. code:: python

        migrate(name="off xinetd", to="debian-12/systemd", strict=True)
    """
    try:
        goal = wish(to, strict=strict, without=without, deadline=deadline)
        wanted = confirmation(confirm, outside, via)
    except OperationValueError as error:
        yield from _mistaken(error)
        return
    yield from _carry_out(lambda: _decide_move(goal, deadline, wanted), wanted)


def _mistaken(error: OperationValueError) -> Generator[PyinfraCommand, None, None]:
    """Wrong data end a run before it has begun; with --yes they show only under way, where they must cost no other host its end."""
    if not state.is_executing:
        raise error
    decision = Decision(refusals=tuple(str(error).split("\n")))
    if not state.check_for_changes:
        _show(decision)
    yield _Refusal(decision.refusals)


def _carry_out(decide_anew: Callable[[], Decision], wanted: Confirmation | None) -> Generator[PyinfraCommand, None, None]:
    """Show what is decided and have it done; what comes between look and change is decided upon once more."""
    decision = decide_anew()
    if not state.is_executing or not state.check_for_changes:
        _show(decision)
    for last in (False, False, True):
        if decision.transaction is None:
            break
        change = _Change(decision.transaction, wanted, last=last, recovers=decision.recovers)
        yield change
        if not change.stale:
            return
        # Somebody else changed the host between the look and the change, and what they did may be just what is wanted; or this run has
        # rolled back what was interrupted, or has waited for whoever was at work.
        decision = decide_anew()
        _show(decision)
    if state.is_executing:
        _forget()
    if decision.refusals:
        yield _Refusal(decision.refusals)
    elif decision.transaction is not None:
        yield _Refusal(("others keep changing this host",))
    else:
        host.noop("; ".join(decision.answers) or "no services are wanted")


def _decide_move(goal: Wish, deadline: float, wanted: Confirmation | None) -> Decision:
    """Look and decide about a host that is to get another super-server."""
    from pyinfra_inet46.migration import asked  # noqa: PLC0415 -- what only migrations need is loaded for them
    from pyinfra_inet46.migration import migrate as move  # noqa: PLC0415 -- as above

    return _decided(asked(goal), lambda look: move(goal, look, id=_change_id(), label=host.name, deadline=deadline), wanted)


def _decide(wishes: tuple[Service, ...], kind: HostPolicy | None, deadline: float, wanted: Confirmation | None) -> Decision:
    """Look and decide about a host whose services are to be as wished."""
    return _decided(
        question(wishes, kind), lambda look: decide(wishes, kind, look, id=_change_id(), label=host.name, deadline=deadline), wanted
    )


def _asked(decision: Decision, *, connect: bool) -> Decision:
    """Return the decision about a host as wanted after every service was connected to, if that is wanted: sockets may be all there is."""
    if not connect or not decision.probes:
        return decision
    problem = host.get_fact(HostAnswers, probes=decision.probes, _ignore_errors=True, _timeout=PATIENCE)
    if problem:
        return attrs.evolve(decision, refusals=(f"{problem} (files and sockets are as wanted)",), answers=())
    return attrs.evolve(decision, answers=(*decision.answers, "each was connected to"))


def _decided(asked: Question, judge: Callable[[Look], Decision], wanted: Confirmation | None) -> Decision:
    """Look and decide; a decision that one look is not enough for gets a second one."""
    for _ in range(2):
        look = _look(asked)
        decision = Decision(refusals=(look.reason,), doubtful=look.torn) if isinstance(look, Unseen) else judge(look)
        if not decision.doubtful:
            break
        _forget()
    return decision if wanted is None else _to_be_confirmed(decision, wanted)


def _to_be_confirmed(decision: Decision, wanted: Confirmation) -> Decision:
    """Return the decision with a change that waits for its confirmation; a refusal where nobody could confirm it."""
    change = decision.transaction
    if change is None or not (change.files or change.live or change.activate):
        return decision
    try:
        from_outside(change, _addresses(wanted))
    except Unasked as error:
        return Decision(refusals=(str(error),))
    return attrs.evolve(decision, transaction=attrs.evolve(change, confirm=wanted.seconds))


def _addresses(wanted: Confirmation) -> dict[str, str]:
    return addresses_of(host.data.get("ssh_hostname") or host.name, wanted.outside)


def _forget() -> None:
    """Ask the host anew next time."""
    _looks.pop(ctx_host.get(), None)  # type: ignore[no-untyped-call]


def _look(asked: Question) -> Look | Unseen:
    """Ask the host once, and keep the answer for as long as no operation is done there."""
    this: Host = ctx_host.get()  # type: ignore[no-untyped-call]  # the object behind the proxy, which lives as long as the run
    answers = _looks.setdefault(this, {})
    key = asked, state.get_results_for_host(this).ops
    if key not in answers:
        # What went wrong is said by the refusal that follows.
        look: Look | Unseen = this.get_fact(HostLook, **attrs.asdict(asked), _ignore_errors=True, _timeout=PATIENCE)
        if isinstance(look, Unseen):
            return look
        answers[key] = look
    return answers[key]


def _change_id() -> str:
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}-{os.urandom(4).hex()}"


def _show(decision: Decision) -> None:
    """Show what would happen: the diffs if they are wanted, and the change in words always."""
    for refusal in decision.refusals:
        host.log_styled(one_line(f"refused: {refusal}"), fg="red", log_func=logger.error)
    for diff in decision.diffs if state.config.DIFF else ():
        host.log(f"Will {'create' if diff.old is None else 'change'} {format_text(one_line(diff.path), bold=True)}", logger.info)
        for line in diff.lines():
            colour = {"+": "green", "-": "red"}.get(line[0])
            logger.info("  %s", format_text(line, colour) if colour else line)
    for text in decision.words:
        host.log(one_line(text), logger.info)
    for text in decision.warnings:
        host.log_styled(one_line(text), fg="yellow", log_func=logger.warning)


class _Refusal(PyinfraCommand):
    """Ends this host's part of the run; nothing is sent to it."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__()
        self.reasons = reasons

    @override
    def __repr__(self) -> str:
        return f"Refusal({'; '.join(self.reasons)})"

    @override
    def execute(self, state: State, host: Host, connector_arguments: ConnectorArguments) -> bool:
        if state.check_for_changes:
            for reason in self.reasons:
                host.log_styled(one_line(f"refused: {reason}"), fg="red", log_func=logger.error)
        host.log("nothing was changed", logger.error)
        return False


class _Change(PyinfraCommand):
    """The one command that changes a host; its verdict is read and told in words."""

    def __init__(self, transaction: Transaction, wanted: Confirmation | None, *, last: bool, recovers: bool = False) -> None:
        super().__init__()
        self.transaction = transaction
        self.wanted = wanted
        self.last = last
        self.recovers = recovers
        self.stale = False

    @override
    def __repr__(self) -> str:
        return f"Change({self.transaction.id})"

    @override
    def execute(self, state: State, host: Host, connector_arguments: ConnectorArguments) -> bool:
        _looks.pop(host, None)
        try:
            verdict = _send(state, host, connector_arguments, render(self.transaction))
            _check(verdict, self.transaction)
        except VerdictError as error:
            text = f"no verdict came back ({error}); the host finishes or goes back by itself, run again to see"
            host.log_styled(one_line(text), fg="red")
            return False
        if self.wanted is not None and verdict.result is Result.ARMED:
            verdict = self._confirm(self.wanted, state, host, connector_arguments, verdict)
        self.stale = verdict.result is Result.REFUSED and "between look and change" in verdict.reason and not self.last
        if self.recovers and verdict.result is Result.COMMITTED:
            what = "interrupted change is rolled back" if verdict.recovered else "other change has ended"
            host.log(f"the {what}: looking again", logger.warning)
            self.stale = True
            return True
        if self.stale:
            host.log(one_line(f"{verdict.reason}: looking again"), logger.warning)
            return True
        _tell(host, verdict)
        return verdict.result is Result.COMMITTED

    def _confirm(self, wanted: Confirmation, state: State, host: Host, connector_arguments: ConnectorArguments, armed: Verdict) -> Verdict:
        """Connect as a client would, and tell the host how that went; what it then does is the verdict."""
        host.log(f"proved from inside in {armed.seconds:.1f} s; now from outside", logger.info)
        probes = from_outside(self.transaction, _addresses(wanted), armed)
        if not probes:
            host.log("nothing answers that could be connected to from outside", logger.warning)
        problem = reach(probes, seconds=wanted.patience, via=wanted.via)
        try:
            verdict = _send(state, host, connector_arguments, render_answer(self.transaction, problem))
            _check(verdict, self.transaction)
        except (VerdictError, SSHException, OSError, EOFError) as error:
            why = f"{problem}; " if problem else ""
            return attrs.evolve(
                armed,
                result=Result.UNCONFIRMED,
                step="confirm",
                reason=f"{why}the host could not be told: {error}",
                state=f"the host goes back by itself within {wanted.seconds:g} s",
            )
        return attrs.evolve(verdict, proof=armed.proof, recovered=armed.recovered)


def _send(state: State, host: Host, connector_arguments: ConnectorArguments, script: str) -> Verdict:
    """Have a script run by the host's sh, and read its verdict; raises VerdictError, with the last lines of the host's own words shown."""
    patience = connector_arguments.get("_timeout") or 10 * PATIENCE
    arguments: dict[str, Any] = {**connector_arguments, "_stdin": script, "_timeout": patience}
    try:
        status, output = host.run_shell_command(
            StringCommand("sh", "-s"), print_output=state.print_output, print_input=state.print_input, **arguments
        )
    except TimeoutError:
        raise VerdictError(f"nothing was heard for {patience} s") from None
    try:
        verdict = parse_verdict(output.stdout_lines)
    except VerdictError:
        for line in output.stderr_lines[-5:]:
            host.log(one_line(line), logger.error)
        raise
    if verdict.result is Result.COMMITTED and status is not True:
        raise VerdictError("the host says that all is well, and its shell says that it is not")
    return verdict


def _check(verdict: Verdict, transaction: Transaction) -> None:
    """Raise VerdictError for a success that is another change's, or that does not show the sockets which are to prove it.

    One that has yet to be confirmed shows none: they are shown when it is.
    """
    if verdict.result not in {Result.COMMITTED, Result.ARMED}:
        return
    if verdict.id != transaction.id:
        raise VerdictError(f"the verdict is that of another change, {verdict.id}")
    there = {(x.transport, x.family, x.address, x.port) for x in verdict.sockets}
    for x in transaction.expected if verdict.result is Result.COMMITTED else ():
        if (x.transport, x.family, x.address, x.port) not in there:
            raise VerdictError(
                f"the host says that all is well, and shows no socket of {x.service or 'others'} at {x.address} port {x.port}"
            )


def _tell(host: Host, verdict: Verdict) -> None:
    """Say how a change ended."""
    if verdict.recovered:
        host.log("an interrupted change was found and rolled back first", logger.warning)
    if verdict.result is Result.COMMITTED:
        how = {"none": "no connection was tried", "sockets": "by its sockets; no connection was tried"}.get(verdict.proof, "by connecting")
        host.log_styled(one_line(f"proved in {verdict.seconds:.1f} s, {how}: {verdict.state}"), fg="green", log_func=logger.info)
        return
    host.log_styled(one_line(f"{verdict.result.value} at {verdict.step}: {verdict.reason}"), fg="red", log_func=logger.error)
    host.log_styled(one_line(verdict.state), fg="yellow", log_func=logger.error)
    for line in verdict.log:
        host.log(one_line(f"  {line}"), logger.error)
