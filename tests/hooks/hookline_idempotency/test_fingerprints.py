"""Digests: what makes two requests the same, and two keys different."""

from __future__ import annotations

import dataclasses
import re

from hypothesis import given
from hypothesis import strategies as st

from hookline.order import Order
from hookline.principal import Principal
from hookline_idempotency.fingerprints import fingerprint_of, row_id_of
from hookline_idempotency.keys import CallKey
from small_service import WIRE, make_connector

CONNECTOR = make_connector()
TEXTS = st.text(max_size=3)


def fingerprint(**fields: object) -> str:
    return fingerprint_of(Order(action_id="acme.say", fields=fields), CONNECTOR)


def test_inputs_that_cannot_be_written_as_json_are_told_apart() -> None:
    assert fingerprint(text="\ud800") == fingerprint(text="\ud800") != fingerprint(text="\ud801")
    assert fingerprint(number=10**30) == fingerprint(number=10**30) != fingerprint(number=10**30 + 1)


def test_values_of_another_kind_are_another_input() -> None:
    values = [1, "1", True, None, 1.5, [1], {"1": 1}, [], {}, ""]
    assert len({fingerprint(text=value) for value in values}) == len(values)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), min_size=2, max_size=2, unique=True))
def test_no_two_callers_actions_or_keys_have_one_row(pair: list[tuple[str, str, str, str]]) -> None:
    """Parts do not run into each other, whatever is in them."""
    ids = {
        row_id_of(
            Principal(key_id="k" + id, tenant="t" + tenant),
            Order(action_id=action, fields={}),
            CallKey("header", (key,)),
            "",
        )
        for tenant, id, action, key in pair
    }
    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{64}", id) for id in ids)


def test_kinds_of_keys_routes_and_their_parameters_are_told_apart() -> None:
    caller = Principal(key_id="k")
    order = Order(action_id="acme.say", fields={})
    orders = [
        order,
        dataclasses.replace(order, endpoint=WIRE),
        dataclasses.replace(order, endpoint=dataclasses.replace(WIRE, path="/other")),
        dataclasses.replace(order, endpoint=WIRE, parameters={"model": "a"}),
        dataclasses.replace(order, endpoint=WIRE, parameters={"model": "b"}),
    ]
    keys = [CallKey("header", ("a",)), CallKey("webhook", ("a",)), CallKey("derived", ("a",))]
    keys += [CallKey("derived", ("a", "b")), CallKey("derived", ("ab",))]

    assert len({row_id_of(caller, one, key, "f") for one in orders for key in keys}) == 25
