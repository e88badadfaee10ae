"""Personal data stays here: services get placeholders, callers get their own data back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Call, LayeredOptions, Response, StreamTransform, UpstreamRequest
    from hookline.gateway import Gateway
    from hookline_redact.options import RedactOptions


class RedactPlugin:
    """Holds the options of one gateway; what a call hides is kept in that call and nowhere else."""

    api_version = "1.0"
    options = "hookline_redact.options:RedactOptions"

    def __init__(self) -> None:
        self._options: LayeredOptions[RedactOptions]

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options."""
        from hookline_redact.options import RedactOptions

        self._options = gateway.options_of(RedactOptions)

    @hookimpl(trylast=True)
    def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
        """Put placeholders where the body holds personal data, after every other plugin had its say."""
        options = self._options.for_call(call)
        if request.body is None or not options.is_for(call.action.id):
            return
        from hookline_redact.redaction import hide

        hide(call, request, options)

    @hookimpl(tryfirst=True)
    def hookline_open_stream(self, call: Call) -> StreamTransform | None:
        """Restore a stream before any other plugin reads it."""
        from hookline_redact.redaction import redaction_of

        redaction = redaction_of(call)
        if redaction is None:
            return None
        from hookline_redact.stream import RestoringStream

        return RestoringStream(redaction, is_wire=call.door == "wire")

    @hookimpl(tryfirst=True)
    def hookline_process_response(self, call: Call, response: Response) -> None:
        """Restore an answer before any other plugin reads it."""
        from hookline_redact.redaction import redaction_of, restore

        redaction = redaction_of(call)
        if redaction is not None:
            restore(call, response, redaction)
