"""Where the values of a dropdown come from: sources of options, which connectors and other plugins declare.

A field of an input names its source in its schema, with parameters if it takes any:
``"x-options": "acme.stages?board=sales"``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

import orjson

from hookline.call import Cancellation
from hookline.errors import HooklineError, UpstreamTimeoutError
from hookline.order import Order
from hookline.record import CallWarning

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.gateway import Gateway
    from hookline.principal import Principal

CACHE_S = 60.0
"""For how long the options of a source are kept unless it says otherwise."""

_WAIT_S = 10.0  # a form waits for its dropdown: platforms give it 30 s, and there has to be time for plan B


class Option(NamedTuple):
    """One row of a dropdown.

    Attributes:
        id: What goes into the field.
        name: What people read.
    """

    id: str
    name: str


ListOptions = Callable[["SourceRequest"], Iterable["tuple[str, str]"]]
"""Returns the options for whoever asks, the best first; pairs of id and name."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Source:
    """A source of options.

    Attributes:
        id: Its name, such as ``openai.models``.
        title: What people call it.
        list: Returns its options.
        parameters: Names of the query parameters that it reads.
        cache_s: For how long its options are kept, for one caller and the same parameters.
        connector: Id of the connector that it belongs to; empty if it belongs to none.
    """

    id: str
    title: str
    list: ListOptions
    parameters: tuple[str, ...] = ()
    cache_s: float = CACHE_S
    connector: str = ""


@dataclass(kw_only=True, slots=True)
class SourceRequest:
    """A question for the options of a source.

    Attributes:
        principal: Who asks.
        gateway: The running gateway.
        parameters: Those that the source reads, as far as they are given.
        headers: Headers of the caller that its calls carry.
        client: Network address of whoever asks.
        warnings: What the caller is told besides the options.
        calls: The calls that `run` made, the last one at the end.
    """

    principal: Principal
    gateway: Gateway
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    client: str = ""
    warnings: list[CallWarning] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def run(self, action_id: str, input: JsonObject | None = None) -> JsonObject:
        """Run an action as the caller, with its rights and limits, and return the output.

        It is given up after ten seconds, so that the form can be told something else in time.

        Raises:
            HooklineError: If it is refused or fails.
        """
        cancellation = Cancellation()
        order = Order(
            action_id=action_id,
            fields=dict(input or {}),
            headers=self.headers,
            client=self.client,
            cancellation=cancellation,
        )
        pipeline = self.gateway.pipeline
        prepared = pipeline.prepare(self.principal, order)
        self.calls.append(prepared.call)
        timer = threading.Timer(_WAIT_S, cancellation.cancel)
        timer.daemon = True
        timer.start()
        try:
            answer = pipeline.perform(prepared)
        except HooklineError as exc:
            if cancellation.is_cancelled:
                raise UpstreamTimeoutError(f"The service did not answer within {_WAIT_S:g} s.") from exc
            raise
        finally:
            timer.cancel()
        if not isinstance(answer.content, bytes):
            raise HooklineError(f"{action_id} answered with a stream.")
        return cast("JsonObject", orjson.loads(answer.content))

    def warn(self, code: str, message: str) -> None:
        """Tell the caller something besides the options; they are then kept for a few seconds only."""
        self.warnings.append(CallWarning(code=code, message=message))
