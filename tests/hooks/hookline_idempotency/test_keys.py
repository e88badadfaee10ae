"""Keys: how they are written, and where they come from."""

from __future__ import annotations

import dataclasses

import pytest

from hookline.errors import MalformedRequestError
from hookline_idempotency.keys import CallKey, find_key, read_header
from hookline_idempotency.options import IdempotencyOptions
from small_service import CALLER, say

DERIVING = IdempotencyOptions(derive_from=("X-Run-Id", "x-step"))


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("  run 12 step 3\t", "run 12 step 3"),
        ('"a, b"', "a, b"),
        ('"say \\"hi\\" \\\\"', 'say "hi" \\'),
        ('"a";v=1', "a"),
        ("a;v=1", "a;v=1"),
        ("x", "x"),
        ("k" * 255, "k" * 255),
        ('"' + "k" * 255 + '"', "k" * 255),
        ("<run>{{step}}", "<run>{{step}}"),
    ],
)
def test_a_key_is_read_quoted_and_bare(value: str, key: str) -> None:
    assert read_header(value) == key


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "is not one key"),
        ("   ", "is not one key"),
        ('""', "is empty"),
        ('"   "', "is empty"),
        ("a,b", "is not one key"),
        ('"a","b"', "is not one key"),
        ('"a', "is not one key"),
        ('a"', "is not one key"),
        ('"a"b', "is not one key"),
        ('"\\n"', "is not one key"),
        ("a\nb", "is not one key"),
        ("a\x00", "is not one key"),
        ("schlüssel", "is not one key"),
        ('"schlüssel"', "is not one key"),
        ("k" * 256, "has 256 characters, and 255 are the most"),
        ('"' + "k" * 100_000 + '"', "has 100,000 characters, and 255 are the most"),
        ('"' + '\\"' * 50_000, "is not one key"),
    ],
)
def test_what_is_not_one_key_is_refused_naming_the_header(value: str, why: str) -> None:
    with pytest.raises(MalformedRequestError) as caught:
        read_header(value)

    error = caught.value
    assert error.message == f"The header `Idempotency-Key` {why}."
    assert (error.status, error.code, error.field) == (400, "invalid_idempotency_key", "Idempotency-Key")


def test_the_header_goes_before_the_id_of_a_signed_call_and_that_before_other_headers() -> None:
    signed = dataclasses.replace(CALLER, delivery_id="msg_1")
    steps = {"x-run-id": "r", "x-step": "s"}
    order = dataclasses.replace(say(), headers={**steps, "idempotency-key": '"k"'})
    without = dataclasses.replace(order, headers=steps)

    assert find_key(signed, order, DERIVING) == CallKey("header", ("k",))
    assert find_key(signed, without, DERIVING) == CallKey("webhook", ("msg_1",))
    assert find_key(CALLER, without, DERIVING) == CallKey("derived", ("x-run-id", "r", "x-step", "s"))


@pytest.mark.parametrize("headers", [{}, {"x-run-id": "r"}, {"x-run-id": "r", "x-step": "  "}])
def test_a_key_is_put_together_only_of_all_its_headers(headers: dict[str, str]) -> None:
    assert find_key(CALLER, dataclasses.replace(say(), headers=headers), DERIVING) is None


def test_an_unsigned_webhook_id_is_no_key_and_a_signed_one_only_if_that_is_wanted() -> None:
    order = dataclasses.replace(say(), headers={"webhook-id": "msg_1", "webhook-timestamp": "1"})
    signed = dataclasses.replace(CALLER, delivery_id="msg_1")

    assert find_key(CALLER, order, IdempotencyOptions()) is None
    assert find_key(signed, order, IdempotencyOptions(webhook_ids=False)) is None
