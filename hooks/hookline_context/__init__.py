"""Prompts that do not fit into a model's context window: told in time, shortened, or run in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Call, Response, UpstreamRequest, UpstreamResponse
    from hookline.attempt import Attempt, RetryDecision
    from hookline.gateway import Gateway
    from hookline.streaming import StreamTransform
    from hookline_context.fitting import Fitting


class ContextPlugin:
    """Watches over the prompts that one gateway sends to the connector ``openai``."""

    options = "hookline_context.options:ContextOptions"

    def __init__(self) -> None:
        self._fitting: Fitting | None = None

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options."""
        from hookline_context.options import ContextOptions

        if "openai" not in gateway.catalog.connectors:
            return
        from hookline_context.fitting import Fitting

        self._fitting = Fitting(gateway.options_of(ContextOptions))

    @hookimpl
    def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
        """Check that the prompt fits, and act if it does not."""
        if self._fitting is not None and call.action.connector.id == "openai":
            self._fitting.check(call, request)

    @hookimpl
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> UpstreamResponse | None:
        """Run a call in parts, if that was planned."""
        if "context" not in call.state:
            return None
        from hookline_context.chunk_answer import answer_in_parts

        return answer_in_parts(call, request)

    @hookimpl(tryfirst=True)
    def hookline_retry(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        """Act on a refusal because of too many tokens."""
        if self._fitting is None or call.action.connector.id != "openai":
            return None
        return self._fitting.decide(call, attempt)

    @hookimpl
    def hookline_open_stream(self, call: Call) -> StreamTransform | None:
        """Look for such a refusal at the beginning of a stream, where it can still be acted on."""
        if self._fitting is None or call.action.connector.id != "openai":
            return None
        return self._fitting.watch(call)

    @hookimpl
    def hookline_process_response(self, call: Call, response: Response) -> None:
        """Report what each part took."""
        if "context" in call.state:
            from hookline_context.chunk_answer import report_parts

            report_parts(call, response)
