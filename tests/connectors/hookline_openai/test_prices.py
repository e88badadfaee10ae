"""What tokens cost, to the nano-dollar."""

from __future__ import annotations

import json
from fractions import Fraction
from importlib.resources import files
from math import ceil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.usage import NANO_USD, Usage
from hookline_openai.metering import FreeMeter, TokenMeter
from hookline_openai.model_table import ModelPrice, find, read_table
from hookline_openai.prices import cost_of
from hookline_openai.token_usage import DetailedUsage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.connectors.hookline_openai.conftest import MakeCall

# Read here once more, with the prices as the decimal numbers that stand in the file.
ROWS = json.loads(
    files("hookline_openai").joinpath("models.json").read_text(encoding="utf-8"), parse_float=Fraction
)["models"]
PRICED = [row for row in ROWS if row["price_usd_per_1m"] is not None]
LONG = [row for row in PRICED if row["price_usd_per_1m"].get("long_context")]
SPOKEN = [row for row in PRICED if "audio_input" in row["price_usd_per_1m"]]


def exactly(*parts: tuple[int, Any]) -> int:
    """Return a sum of tokens times dollars per million, in nano-dollars, rounded up."""
    return ceil(sum((Fraction(price) * tokens for tokens, price in parts), Fraction()) * NANO_USD / 10**6)


def cost(id: str, sent: int, made: int, **more: Any) -> int | None:
    info = find(id)
    assert info is not None
    kind = DetailedUsage if more.keys() - {"cached_tokens", "reasoning_tokens"} else Usage
    return cost_of(info.price, kind(input_tokens=sent, output_tokens=made, **more))


@pytest.mark.parametrize("row", PRICED, ids=lambda row: row["id"])
@pytest.mark.parametrize(
    ("sent", "made", "cached"), [(1, 1, 0), (3, 7, 1), (1234, 567, 789), (99_999, 1, 99_999)]
)
def test_every_price_is_exact(row: dict[str, Any], sent: int, made: int, cached: int) -> None:
    price = row["price_usd_per_1m"]
    made = made if price["output"] is not None else 0
    of_cached = price["input"] if price["cached_input"] is None else price["cached_input"]

    expected = exactly((sent - cached, price["input"]), (cached, of_cached), (made, price["output"] or 0))
    assert cost(row["id"], sent, made, cached_tokens=cached) == expected


@pytest.mark.parametrize("row", LONG, ids=lambda row: row["id"])
def test_all_tokens_of_a_long_prompt_have_its_price(row: dict[str, Any]) -> None:
    price = row["price_usd_per_1m"]
    long, above = price["long_context"], price["long_context"]["above_input_tokens"]

    assert cost(row["id"], above, 10) == exactly((above, price["input"]), (10, price["output"]))
    assert cost(row["id"], above + 1, 10) == exactly((above + 1, long["input"]), (10, long["output"]))
    if long["cached_input"] is not None:
        assert cost(row["id"], above + 1, 0, cached_tokens=above) == exactly(
            (1, long["input"]), (above, long["cached_input"])
        )


@pytest.mark.parametrize("row", SPOKEN, ids=lambda row: row["id"])
def test_sound_has_its_own_price(row: dict[str, Any]) -> None:
    price = row["price_usd_per_1m"]
    expected = exactly(
        (60, price["input"]), (40, price["audio_input"]), (5, price["output"]), (15, price["audio_output"])
    )

    assert cost(row["id"], 100, 20, audio_input_tokens=40, audio_output_tokens=15) == expected


def test_writing_to_the_cache_has_its_own_price() -> None:
    assert cost("gpt-5.6-sol", 1000, 0, cached_tokens=200, cache_write_tokens=300) == exactly(
        (500, 4), (200, "0.4"), (300, 5)
    )
    assert cost("gpt-5.6-sol", 300_000, 0, cache_write_tokens=1000) == exactly((299_000, 8), (1000, 10))
    assert cost("gpt-5.4", 1000, 0, cache_write_tokens=300) == exactly((1000, "2.5"))


def test_examples_of_the_page_about_costs_are_right() -> None:
    assert cost("gpt-5.4", 10_000, 500, cached_tokens=8_000) == round(0.0145 * NANO_USD)
    assert cost("gpt-5.4", 300_000, 500) == round(1.51125 * NANO_USD)


def test_hidden_reasoning_is_a_part_of_the_answer() -> None:
    assert cost("gpt-5.4", 0, 100, reasoning_tokens=90) == exactly((100, 15))


@pytest.mark.parametrize(
    ("price", "usage"),
    [
        (None, Usage(input_tokens=1, output_tokens=1)),
        (ModelPrice(input=None, output=1.0), Usage(input_tokens=1, output_tokens=1)),
        (ModelPrice(input=1.0, output=None), Usage(input_tokens=1, output_tokens=1)),
        (
            ModelPrice(input=1.0, output=1.0),
            DetailedUsage(input_tokens=5, output_tokens=1, audio_input_tokens=1),
        ),
        (
            ModelPrice(input=1.0, output=1.0),
            DetailedUsage(input_tokens=5, output_tokens=1, has_own_price=True),
        ),
    ],
)
def test_price_that_is_needed_and_not_known_makes_the_cost_unknown(
    price: ModelPrice | None, usage: Usage
) -> None:
    assert cost_of(price, usage) is None


def test_price_that_is_not_needed_may_be_unknown() -> None:
    price = ModelPrice(input=0.13, output=None)

    assert cost_of(price, Usage(input_tokens=3, output_tokens=0)) == 390
    assert cost_of(ModelPrice(input=None, output=None), Usage(input_tokens=0, output_tokens=0)) == 0


@given(
    st.decimals(min_value=0, max_value=10_000, places=9),
    st.decimals(min_value=0, max_value=10_000, places=9),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)
def test_any_price_is_exact_or_at_most_one_nano_dollar_too_high(
    sent_price: Any, made_price: Any, sent: int, made: int
) -> None:
    price = ModelPrice(input=float(sent_price), output=float(made_price))

    found = cost_of(price, Usage(input_tokens=sent, output_tokens=made))

    expected = exactly((sent, Fraction(repr(price.input))), (made, Fraction(repr(price.output))))
    assert found is not None
    assert expected <= found <= expected + 1


@pytest.mark.parametrize(
    ("model", "priced_as"),
    [
        ("gpt-5.4-mini", "gpt-5.4-mini"),
        ("gpt-5.4-mini-2026-03-17", "gpt-5.4-mini-2026-03-17"),
        ("ft:gpt-4.1-2025-04-14:acme::abc", "ft:gpt-4.1-2025-04-14"),
        ("a-model-of-another-server", None),
        (None, None),
    ],
)
def test_meter_prices_the_model_that_was_asked_for(
    model: str | None, priced_as: str | None, make_call: MakeCall
) -> None:
    expected = None if priced_as is None else cost(priced_as, 1000, 10)

    found = TokenMeter().price(make_call("chat"), Usage(input_tokens=1000, output_tokens=10), model)

    assert found == expected
    assert (found is None) is (priced_as is None)


def test_moderation_and_lists_of_models_are_free(make_call: MakeCall) -> None:
    moderation = make_call("moderate")
    meter = moderation.action.meter
    assert meter is not None
    took = Usage(input_tokens=100, output_tokens=0)

    assert meter.price(moderation, took, None) == 0
    assert meter.price(moderation, took, "omni-moderation-2024-09-26") == 0
    assert meter.price(moderation, took, "somebody-s-own") is None
    assert FreeMeter().price(make_call("list_models"), took, None) == 0


def test_prices_of_the_connection_s_own_file_hold(tmp_path: Path, make_call: MakeCall) -> None:
    path = tmp_path / "models.json"
    row = {"id": "own", "kind": "chat", "price_usd_per_1m": {"input": 0.1, "output": 0.3}}
    path.write_text(json.dumps({"models": [row]}))
    read_table(str(path))
    call = make_call("chat")
    object.__setattr__(call.connection, "options", {"models_file": str(path)})

    assert TokenMeter().price(call, Usage(input_tokens=3, output_tokens=1), "own") == 600
