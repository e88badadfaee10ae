"""Structured answers: where JSON was asked for, the value stands beside the text, and fits its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Call, LayeredOptions, Response
    from hookline.gateway import Gateway
    from hookline_structured.options import StructuredOptions

_ASKS = frozenset({"json_schema", "response_format"})


class StructuredPlugin:
    """Checks answers against the schemas that callers ask for."""

    options = "hookline_structured.options:StructuredOptions"

    def __init__(self) -> None:
        self._options: LayeredOptions[StructuredOptions]

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options."""
        from hookline_structured.options import StructuredOptions

        self._options = gateway.options_of(StructuredOptions)

    @hookimpl
    def hookline_shape_request(self, call: Call) -> None:
        """Refuse a schema that cannot be checked before anything is paid for."""
        if call.door == "action" and not _ASKS.isdisjoint(call.input):
            from hookline_structured.checking import prepare

            prepare(call, self._options.for_call(call))

    @hookimpl
    def hookline_process_response(self, call: Call, response: Response) -> None:
        """Fill ``parsed`` of an action's output when the caller asked for JSON."""
        fields = call.input
        if call.door != "action" or not ("json_schema" in fields or "response_format" in fields):
            return
        if "parsed" in response.output:
            from hookline_structured.checking import finish

            finish(call, response, self._options.for_call(call))
