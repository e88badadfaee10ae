"""Waits: what the service asks for, and the back-off where it asks for nothing that can be used."""

from __future__ import annotations

import math

import pytest

from hookline.errors import RateLimitedError
from hookline_retry.waits import MAX_ASKED_WAIT_S, asked_wait_s, backoff_s


def backoff(number: int, *, chance: float = 0.0, jitter: float = 0.25) -> float:
    return backoff_s(number, first_wait_s=0.5, max_backoff_s=8, jitter=jitter, random=lambda: chance)


@pytest.mark.parametrize("wait_s", [0.001, 0.25, 1, 20.0, MAX_ASKED_WAIT_S])
def test_a_wait_that_the_service_named_is_taken_as_it_is(wait_s: float) -> None:
    assert asked_wait_s(RateLimitedError("", retry_after_s=wait_s)) == wait_s


@pytest.mark.parametrize(
    "wait_s", [None, 0, 0.0, -1, -math.inf, math.inf, math.nan, 1e300, 604_801.0, 10**400]
)
def test_a_wait_that_cannot_be_waited_for_is_none(wait_s: float | None) -> None:
    assert asked_wait_s(RateLimitedError("", retry_after_s=wait_s)) is None


def test_back_off_doubles_up_to_its_bound() -> None:
    assert [backoff(number) for number in range(1, 8)] == [0.5, 1, 2, 4, 8, 8, 8]


def test_chance_makes_a_back_off_up_to_a_quarter_shorter_and_never_longer() -> None:
    assert [backoff(1, chance=chance) for chance in (0.0, 0.5, 1.0)] == [0.5, 0.4375, 0.375]


def test_without_jitter_chance_changes_nothing() -> None:
    assert backoff(3, chance=0.9, jitter=0) == 2
