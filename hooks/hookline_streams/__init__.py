"""Streams that break off are noticed, told apart from complete ones, and mended where that is wanted."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Call, UpstreamRequest, UpstreamResponse
    from hookline.attempt import Attempt, RetryDecision
    from hookline.gateway import Gateway
    from hookline.streaming import StreamTransform
    from hookline_streams.keeper import StreamKeeper


class StreamsPlugin:
    """Watches over the streams of one gateway.

    Args:
        random: Returns a number from 0 up to, but not including, 1.
    """

    options = "hookline_streams.options:StreamsOptions"

    def __init__(self, *, random: Callable[[], float] = random.random) -> None:
        self._random = random
        self._keeper: StreamKeeper

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options."""
        from hookline_streams.keeper import StreamKeeper
        from hookline_streams.options import StreamsOptions

        self._keeper = StreamKeeper(
            gateway.options_of(StreamsOptions),
            max_answer_bytes=gateway.settings.limits.max_answer_bytes,
            random=self._random,
        )

    @hookimpl
    def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
        """Bound the silence of a stream, and ask for one where the caller is to be served from it."""
        if request.is_stream or self._keeper.may_ask:
            self._keeper.shape(call, request)

    @hookimpl(wrapper=True)
    def hookline_execute(
        self, call: Call, request: UpstreamRequest
    ) -> Generator[None, UpstreamResponse, UpstreamResponse]:
        """Note which attempts were answered with a stream."""
        response = yield
        if request.is_stream:
            self._keeper.note_opened(call, request, response)
        return response

    @hookimpl(tryfirst=True)
    def hookline_open_stream(self, call: Call) -> StreamTransform | None:
        """Look at the events before anybody else does."""
        return self._keeper.open(call)

    @hookimpl
    def hookline_retry(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        """Mend a stream that broke, or answer with what has arrived of it."""
        return self._keeper.decide(call, attempt)
