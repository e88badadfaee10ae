"""How long is waited, for every form in which a service may ask, and for what is no wait at all."""

from __future__ import annotations

import math
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from fake_clock import START
from hookline import Call, HooklineError, hookimpl
from hookline.errors import RateLimitedError
from retry_lab import Lab, refusal, simulated

BACK_OFF = [0.5, 1.0]


@pytest.mark.parametrize(
    ("headers", "message", "waits"),
    [
        ({"retry_after": "2"}, "No.", [2.0]),
        ({"retry_after": "0.3"}, "No.", [0.3]),
        ({"retry_after_ms": "250"}, "No.", [0.25]),
        ({"retry_after_ms": "250", "retry_after": "9"}, "No.", [0.25]),
        ({}, "Rate limit reached. Please try again in 1.5s.", [1.5]),
        ({}, "Rate limit reached. Please try again in 120ms.", [0.12]),
        ({"x_ratelimit_reset_requests": "6m0s", "x_ratelimit_reset_tokens": "20s"}, "No.", [0.5]),
        ({}, "No.", [0.5]),
        *(
            ({"retry_after": value}, "No.", [0.5])
            for value in (
                "0",
                "-1",
                "inf",
                "nan",
                "1e300",
                "1e999",
                "99999999",
                "soon",
                "5abc",
                "",
                "9" * 400,
            )
        ),
        ({"retry_after": "Thu, 01 Jan 1970 00:00:00 GMT"}, "No.", [0.5]),
    ],
)
def test_the_wait_is_the_one_that_was_asked_for(
    headers: dict[str, Any], message: str, waits: list[float]
) -> None:
    lab = Lab(refusal(message=message, **headers), simulated())

    assert lab.act().status_code == 200
    assert (lab.waits, lab.calls) == (waits, 2)


def test_a_date_is_waited_for() -> None:
    date = format_datetime(START + timedelta(seconds=30), usegmt=True)
    lab = Lab(refusal(retry_after=date), simulated())

    assert lab.act().status_code == 200
    assert lab.waits == [30.0]


@pytest.mark.parametrize(("chance", "waits"), [(0.0, [0.5, 1.0]), (0.5, [0.4375, 0.875])])
def test_where_nothing_is_asked_the_wait_grows_less_some_chance(chance: float, waits: list[float]) -> None:
    lab = Lab(simulated("status-500"), random=lambda: chance)

    lab.act()

    assert lab.waits == waits


def test_the_back_off_can_be_set() -> None:
    lab = Lab(simulated("status-500"), first_wait_s=2, max_backoff_s=3, max_attempts=4)

    lab.act()

    assert lab.waits == [2, 3, 3]


class Says:
    """Maps every error to one with a wait of its choice, as another connector might."""

    def __init__(self, wait_s: float | None) -> None:
        self.wait_s = wait_s

    @hookimpl(tryfirst=True)
    def hookline_map_error(self, call: Call, error: HooklineError) -> HooklineError:
        return RateLimitedError("Slower.", retry_after_s=self.wait_s, answer=error.answer)


@pytest.mark.parametrize("door", ["act", "post"])
@pytest.mark.parametrize(
    "wait_s", [None, 0, -0.0, -3, math.inf, -math.inf, math.nan, 1e300, 10**400, 604_801]
)
def test_a_wait_that_no_connector_should_name_does_no_harm(wait_s: float | None, door: str) -> None:
    lab = Lab(simulated("429"), plugins=(Says(wait_s),))

    answer = getattr(lab, door)()

    assert answer.status_code == 429
    assert int(answer.headers.get("retry-after", "1")) == 1
    assert (lab.waits, lab.calls) == (BACK_OFF, 3)
