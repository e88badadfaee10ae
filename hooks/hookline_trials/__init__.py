"""Test steps: a call that runs on the built-in sandbox in place of the service, and spends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookline import Call, Connection, LayeredOptions, Order, Principal, Proceed, Reply
    from hookline.gateway import Gateway
    from hookline_trials.options import TrialsOptions

_HEADER = "x-hookline-test"
_PARAMETER = "test"


class TrialsPlugin:
    """Makes the sandbox the connection of calls that ask for it."""

    options = "hookline_trials.options:TrialsOptions"

    def __init__(self) -> None:
        self._options: LayeredOptions[TrialsOptions]
        self._has_sandbox = False

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options, and look whether there is a sandbox."""
        from hookline import CallOption
        from hookline_trials.options import TrialsOptions

        self._options = gateway.options_of(TrialsOptions)
        sandbox = gateway.host.plugins.get("sandbox")
        self._has_sandbox = sandbox is not None and sandbox.status == "active"
        gateway.add_call_option(
            CallOption(
                name="X-Hookline-Test",
                place="header",
                title="Test",
                description="`1` runs the call on the sandbox, at no cost.",
                schema={"type": "string", "enum": ["0", "1"]},
            )
        )

    @hookimpl(tryfirst=True)
    def hookline_run_order(self, principal: Principal, order: Order, proceed: Proceed) -> Reply | None:
        """Take ``?test=1`` for the header that says the same, so that it stays with the order."""
        if _PARAMETER not in order.query:
            return None
        from hookline_trials.choosing import with_header

        return proceed(with_header(order))

    @hookimpl(tryfirst=True)
    def hookline_choose_connections(self, call: Call) -> Sequence[Connection] | None:
        """Choose the sandbox for a call that is to be tried out."""
        options = self._options.for_call(call)
        if _HEADER not in call.headers and call.parent is None:  # what nearly every call is
            model = call.input.get("model")
            if not isinstance(model, str) or not model.startswith(options.beginnings):
                return None
        from hookline_trials.choosing import choose

        return choose(call, options, has_sandbox=self._has_sandbox)
