"""What may be set, and what not."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from hookline_retry.options import RetryOptions


def test_the_defaults_are_those_of_the_documentation() -> None:
    assert RetryOptions().model_dump() == {
        "enabled": True,
        "max_attempts": 3,
        "max_total_s": 60,
        "first_wait_s": 0.5,
        "max_backoff_s": 8,
        "jitter": 0.25,
        "budget_share": 0.2,
        "budget_reserve": 10,
        "repeat_unknown": "idempotent",
        "share_waits": True,
        "max_waiting": 64,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_attempts", 0),
        ("max_attempts", 11),
        ("max_total_s", -1),
        ("max_total_s", math.nan),
        ("first_wait_s", 0),
        ("first_wait_s", math.inf),
        ("max_backoff_s", 0),
        ("max_backoff_s", math.nan),
        ("jitter", 1.1),
        ("jitter", -0.1),
        ("budget_share", -0.1),
        ("budget_share", math.nan),
        ("budget_reserve", -1),
        ("repeat_unknown", "sometimes"),
        ("max_retries", 2),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        RetryOptions.model_validate({name: value})


def test_every_option_says_what_it_means() -> None:
    assert all(info.description for info in RetryOptions.model_fields.values())
