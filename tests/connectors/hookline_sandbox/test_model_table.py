"""The table of models as the rest of the code reads it."""

from __future__ import annotations

from datetime import date

from hookline_openai.model_table import find, load


def test_every_row_is_read_with_its_dates_and_prices() -> None:
    table = load()
    assert all(name == info.id for name, info in table.items())
    turbo = table["gpt-3.5-turbo"]
    assert turbo.shutdown_on == date(2026, 10, 23)
    assert turbo.price is not None
    assert (turbo.price.input, turbo.price.output) == (0.5, 1.5)
    assert load() is table


def test_a_long_context_price_says_where_it_begins() -> None:
    price = load()["daybreak-blue-latest"].price
    assert price is not None
    assert price.long_context is not None
    assert (price.above_input_tokens, price.long_context.input) == (272_000, 8.0)


def test_a_model_is_retired_on_its_shutdown_day() -> None:
    turbo = load()["gpt-3.5-turbo"]
    assert not turbo.is_retired(date(2026, 10, 22))
    assert turbo.is_retired(date(2026, 10, 23))


def test_a_fine_tuned_name_has_the_row_of_its_prefix_or_of_its_base() -> None:
    assert find("ft:gpt-4o-2024-08-06:acme::abc") is load()["ft:gpt-4o-2024-08-06"]
    assert find("ft:gpt-4.1:acme::abc") is load()["gpt-4.1"]
    assert find("ft:nothing:acme::abc") is None
    assert find("nothing") is None
