"""How long an upstream may be silent before and after it began to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hookline.errors import StreamInterruptedError
from small_service import Body, streamed
from streams_lab import DONE, END, ROLE, Lab, say, whole_stream

if TYPE_CHECKING:
    from hookline import UpstreamRequest, UpstreamResponse

CUT = StreamInterruptedError("The upstream broke the connection in the middle of its answer.")


class Line:
    """An upstream whose bound on silence can be watched."""

    def __init__(self, *chunks: bytes | Exception, agreed_s: float = 600.0, lab: Lab | None = None) -> None:
        self.bounds: list[float] = []
        self.chunks = chunks
        self.agreed_s = agreed_s
        self.seen: list[tuple[int, float | None]] = []

    def answer(self, request: UpstreamRequest) -> UpstreamResponse:
        def chunks() -> Any:
            for number, chunk in enumerate(self.chunks):
                self.seen.append((number, self.bounds[-1] if self.bounds else None))
                yield chunk

        response = streamed(Body(chunks()))
        response.silence_s = self.agreed_s
        response.bound_silence = self.bounds.append
        return response


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, None), ({"first_event_s": 30}, 30), ({"first_event_s": 30, "stall_s": 5}, 30)],
)
@pytest.mark.parametrize("fields", [{}, {"stream": None}])
def test_first_bound_goes_out_with_the_request(
    options: dict[str, Any], expected: float | None, fields: dict[str, Any]
) -> None:
    lab = Lab(whole_stream("a"), internal=True, **options)

    lab.run(**fields)

    assert lab.upstream.sent[0].stall_timeout_s == expected


def test_bound_becomes_tighter_with_the_first_content() -> None:
    line = Line(ROLE, ROLE, say("a"), say("b"), END, DONE)

    Lab(line.answer, stall_s=20).run()

    assert line.bounds == [20]
    assert line.seen == [(0, None), (1, None), (2, None), (3, 20), (4, 20), (5, 20)]


def test_bound_never_becomes_longer_than_it_was() -> None:
    line = Line(ROLE, say("a"), END, DONE, agreed_s=10)

    Lab(line.answer, stall_s=20).run()

    assert line.bounds == [10]


def test_deadline_that_comes_near_tightens_it_further_and_never_loosens_it() -> None:
    line = Line(ROLE, say("a"), say("b"), say("c"), END, DONE)
    lab = Lab(line.answer, stall_s=20, limits={"timeout_s": 100})
    chunks, line.chunks = line.chunks, ()

    def slow() -> Any:
        for chunk in chunks:
            lab.clock.advance(18)
            yield chunk

    line.chunks = slow()
    lab.run()

    assert line.bounds == [100, 82, 20, 20, 20, 20, 10]


def test_stream_that_goes_on_may_be_silent_again_before_it_writes() -> None:
    first, second = Line(ROLE, say("Once"), CUT), Line(ROLE, say(" upon"), END, DONE)
    lab = Lab(first.answer, second.answer, stall_s=20, on_interrupt="continue")

    assert lab.run().text == "Once upon"
    assert (first.bounds, second.bounds) == ([20], [20])
    assert second.seen[:3] == [(0, None), (1, None), (2, 20)]


def test_without_a_bound_for_stalls_the_first_one_stays() -> None:
    lab = Lab(stall_s=None)
    line = Line(ROLE, say("a"), END, DONE)

    lab.follow(line.answer).run()

    assert line.bounds == []
