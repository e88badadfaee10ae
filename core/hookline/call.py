"""One call: an execution of an action by a principal, from arrival to answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, overload

from hookline.clock import SYSTEM_CLOCK
from hookline.errors import UpstreamTimeoutError
from hookline.making import maker_of
from hookline.new_ids import new_id
from hookline.output import input_fields, read_output
from hookline.record import CallRecord

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hookline.action import Action, JsonObject
    from hookline.clock import Clock
    from hookline.connection import Connection
    from hookline.output import Output
    from hookline.principal import Principal

M = TypeVar("M", bound="BaseModel")

FLOW_HEADER = "x-hookline-flow"
_MAX_LABEL_LENGTH = 200

Door = Literal["action", "wire"]
"""``action``: ``POST /actions/{id}``. ``wire``: the service's own format."""


def new_call_id() -> str:
    """Return an id such as ``call_5f2b...``, which nobody can foresee; safe in headers and logs."""
    return f"call_{new_id()}"


class Cancellation:
    """Tells whoever works on a call that nobody waits for it any more."""

    __slots__ = ("_callbacks", "_cancelled", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._cancelled = False

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def add(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` on cancellation; at once if that has happened already."""
        with self._lock:
            if not self._cancelled:
                self._callbacks.append(callback)
                return
        callback()

    def discard(self, callback: Callable[[], None]) -> None:
        """Forget a callback; unknown ones are ignored."""
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def cancel(self) -> None:
        """Cancel once; later calls do nothing."""
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()


class RunsActions(Protocol):
    """Runs an action for a call that is running."""

    def __call__(self, parent: Call, action_id: str, input: JsonObject, *, as_gateway: bool) -> Output:
        """Return the action's output."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One execution of one action. Read-only for plugins, and holds no secret.

    Attributes:
        id: Id that nobody can foresee, also sent back as ``x-hookline-call-id``.
        action: What runs.
        principal: Who asked.
        connection: Which upstream account is used.
        door: Through which door it came.
        input: The action's input, after validation; on the wire door the body as it was sent.
        headers: The caller's headers by lower-case name, without credentials.
        is_stream: Whether the caller asked for a stream.
        deadline: Value of ``clock.monotonic()`` at which the call must be over.
        cancellation: Set when the caller has left.
        state: Room for plugins to keep something between hooks; use your plugin's name as key.
        record: What happened so far: warnings and headers for the caller, attempts, usage.
        parent: The call that runs this one; None for a call from outside.
        clock: What time it is for this call.
        runs_actions: Runs other actions for `run`.
        client: Network address of whoever sent it; empty if it did not come over the network.
        is_internal: Whether the gateway itself wants it, such as a check.
        alternatives: The upstream accounts that it may use, the first choice among them.
        max_answer_bytes: Most bytes that may be kept of its answer: ``limits.max_answer_bytes``.
    """

    id: str = field(default_factory=new_call_id)
    action: Action
    principal: Principal
    connection: Connection
    door: Door = "action"
    input: dict[str, object] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_stream: bool = False
    deadline: float
    cancellation: Cancellation = field(default_factory=Cancellation, repr=False)
    state: dict[str, object] = field(default_factory=dict, repr=False)
    record: CallRecord = field(default_factory=CallRecord, repr=False)
    parent: Call | None = field(default=None, repr=False)
    clock: Clock = field(default=SYSTEM_CLOCK, repr=False)
    runs_actions: RunsActions | None = field(default=None, repr=False)
    client: str = ""
    is_internal: bool = False
    alternatives: tuple[Connection, ...] = ()
    max_answer_bytes: int = 100 * 1024 * 1024

    @property
    def flow(self) -> str | None:
        """The caller's name for the flow that this call is a step of: its header ``x-hookline-flow``."""
        return flow_of(self.headers) if FLOW_HEADER in self.headers else None

    @property
    def end_user(self) -> str | None:
        """The person for whom the caller acts, by the fields that the connector names for it."""
        for name in self.action.connector.user_fields:
            if name in self.input and (label := _label(self.input[name])):
                return label
        return None

    def remaining_s(self) -> float:
        """Return the seconds until the deadline; zero or less when it has passed."""
        return self.deadline - self.clock.monotonic()

    def check_deadline(self) -> None:
        """Go on only while there is time.

        Raises:
            UpstreamTimeoutError: If the deadline has passed.
        """
        if self.deadline > self.clock.monotonic():
            return
        cap_s = self.principal.caps.max_stream_s if self.is_stream else None
        if cap_s is not None and self.deadline - self.record.began_at >= cap_s - 0.001:
            raise UpstreamTimeoutError(
                f"The stream took longer than the {cap_s:g} s that this key allows.",
                code="stream_too_long",
                hint="Ask for a shorter answer, or for a key whose streams may take longer.",
            )
        raise UpstreamTimeoutError("The call took longer than `timeout_s` allows.")

    @overload
    def run(
        self,
        action_id: str,
        input: BaseModel | Mapping[str, object] | None = None,
        /,
        *,
        as_gateway: bool = False,
        returns: None = None,
        **fields: object,
    ) -> Output: ...

    @overload
    def run(
        self,
        action_id: str,
        input: BaseModel | Mapping[str, object] | None = None,
        /,
        *,
        as_gateway: bool = False,
        returns: type[M],
        **fields: object,
    ) -> M: ...

    def run(
        self,
        action_id: str,
        input: BaseModel | Mapping[str, object] | None = None,
        /,
        *,
        as_gateway: bool = False,
        returns: type[M] | None = None,
        **fields: object,
    ) -> Output | M:
        """Run another action to its output, under the same caller, deadline and cancellation.

        It passes all hooks, with this call as its ``parent``: it is admitted, retried, settled and recorded
        by itself.

        Args:
            action_id: Which action.
            input: Its input, as a pydantic model or a mapping.
            as_gateway: Whether this is the gateway's own wish, such as a check: then it does not matter what
                the caller may do, and none of its headers go along.
            returns: A pydantic model that the output is read into.
            fields: Fields of its input, which win over those of ``input``. A field that is called like an
                argument here goes into ``input``.

        Returns:
            The output, whose members are attributes too; or an instance of ``returns``.

        Raises:
            HooklineError: If it is refused or fails; ``action_id`` of the error says which action did.
        """
        if self.runs_actions is None:
            raise RuntimeError("This call was not made by a gateway, so it cannot run others.")
        whole = {**input_fields(input), **fields}
        output = self.runs_actions(self, action_id, whole, as_gateway=as_gateway)
        return output if returns is None else read_output(output, returns, action_id)


make_call = maker_of(Call)
"""Make a call; what every call needs."""


def flow_of(headers: Mapping[str, str]) -> str | None:
    """Return a caller's name for the flow that a call is a step of; None if there is none to be shown."""
    value = headers.get(FLOW_HEADER)
    return None if value is None else _label(_as_utf8(value))


def use_connection(
    call: Call, connection: Connection, *, alternatives: tuple[Connection, ...] | None = None
) -> None:
    """Make a call go to an upstream account from its next attempt on. For the engine only."""
    object.__setattr__(call, "connection", connection)
    if alternatives is not None:
        object.__setattr__(call, "alternatives", alternatives)


def _as_utf8(value: str) -> str:
    """Return the text of a header, which servers hand over as if each byte were a character."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _label(value: object) -> str | None:
    """Return a name that a caller gave to something, or None if it gave none that can be shown."""
    if not isinstance(value, str) or not value.isprintable():
        return None
    return value.strip()[:_MAX_LABEL_LENGTH] or None
