"""Content is checked before it is sent and before it is delivered, and refusals all look the same."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Call, HooklineError, Response, UpstreamRequest
    from hookline.attempt import Attempt, RetryDecision
    from hookline.gateway import Gateway
    from hookline.options import LayeredOptions
    from hookline.streaming import StreamTransform
    from hookline_moderation.desk import Desk
    from hookline_moderation.options import ModerationOptions


class ModerationPlugin:
    """Holds the options of one gateway; what belongs to a call is kept in the call."""

    options = "hookline_moderation.options:ModerationOptions"

    def __init__(self) -> None:
        self._options: LayeredOptions[ModerationOptions]
        self._desk: Desk
        self._may_check_input = False

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options."""
        from hookline_moderation.desk import Desk
        from hookline_moderation.options import ModerationOptions

        self._options = gateway.options_of(ModerationOptions)
        self._desk = Desk(gateway.catalog.find, self._options.for_call)
        self._desk.check_classifier(self._options.base)
        self._may_check_input = self._options.is_set("check_input")

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> None:
        """Check the input before the first attempt."""
        if self._may_check_input:
            options = self._options.for_call(call)
            if options.check_input:
                self._desk.check_input(call, request, options)

    @hookimpl(tryfirst=True)
    def hookline_retry(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        """Let nobody repeat what was blocked or could not be checked."""
        return self._desk.decide(attempt)

    @hookimpl(trylast=True)
    def hookline_open_stream(self, call: Call) -> StreamTransform | None:
        """Check a stream that goes to the caller as it comes."""
        options = self._options.for_call(call)
        if not options.check_output and (options.refusals == "pass" or call.door == "wire"):
            return None
        return self._desk.open_stream(call, options)

    @hookimpl(trylast=True)
    def hookline_process_response(self, call: Call, response: Response) -> None:
        """Check a whole answer, and say in our own words that the service refused."""
        options = self._options.for_call(call)
        if options.check_output or (options.refusals == "error" and call.door == "action"):
            self._desk.check_answer(call, response, options)

    @hookimpl(wrapper=True)
    def hookline_map_error(
        self, call: Call, error: HooklineError
    ) -> Generator[None, HooklineError | None, HooklineError | None]:
        """Say in our own words that the service refused because of the content."""
        mapped = yield
        if error.answer is None or call.door == "wire":
            return mapped
        return self._desk.map_error(call, mapped or error, self._options.for_call(call)) or mapped
