"""Estimates: what a call would take, without running, setting aside or recording anything."""

from __future__ import annotations

from typing import Any

import pytest

from forms_lab import FormsLab, caller
from hookline import Call, hookimpl

HI: dict[str, Any] = {"model": "gpt-5.4-mini", "prompt": "hi", "max_completion_tokens": 100}


def estimate(lab: FormsLab, body: dict[str, Any], *, action: str = "openai.chat", **more: str) -> Any:
    return lab.post(f"/actions/{action}/estimate", body, **more)


def test_tokens_and_cost_are_told_before_the_call() -> None:
    lab = FormsLab()

    told = estimate(lab, HI).json

    assert told == {
        "action": "openai.chat",
        "model": "gpt-5.4-mini",
        "connection": "openai",
        "input_tokens": told["input_tokens"],
        "output_tokens": 100,
        "total_tokens": told["input_tokens"] + 100,
        "cost_usd": told["cost_usd"],
        "is_exact": False,
        "count": 1,
        "warnings": [],
    }
    assert 0.00045 < told["cost_usd"] < 0.001
    assert 5 < told["input_tokens"] < 20
    assert (lab.sent, lab.door.calls, lab.door.usages) == ([], [], [])


def test_the_cost_is_never_below_what_the_call_then_costs() -> None:
    lab = FormsLab()

    told = estimate(lab, HI).json["cost_usd"]
    lab.post("/actions/openai.chat", HI)

    usage = lab.door.usages[-1]
    assert usage is not None
    assert usage.cost_usd is not None
    assert 0 < usage.cost_usd <= told


def test_an_unknown_price_is_null_and_never_nothing() -> None:
    assert estimate(FormsLab(), {**HI, "model": "brand-new"}).json["cost_usd"] is None
    told = estimate(FormsLab(), {"text": "hi"}, action="acme.say").json
    assert [told[name] for name in ("input_tokens", "output_tokens", "total_tokens", "cost_usd")] == [
        None
    ] * 4
    assert (told["model"], told["is_exact"]) == (None, False)


def test_what_costs_nothing_is_known_exactly() -> None:
    told = estimate(FormsLab(), {}, action="openai.list_models").json

    assert (told["total_tokens"], told["cost_usd"], told["is_exact"]) == (0, 0, True)


def test_a_test_is_estimated_as_one() -> None:
    told = estimate(FormsLab(), HI, x_hookline_test="1").json

    assert (told["connection"], told["cost_usd"]) == ("sandbox", 0)


@pytest.mark.parametrize("items", [[{"prompt": "a"}, {"prompt": "b"}], ["a", "b"], '["a", {"prompt": "b"}]'])
def test_several_inputs_take_their_sum(items: Any) -> None:
    lab = FormsLab()
    one = estimate(lab, {**HI, "prompt": "a"}).json

    body = {**HI, "items": items, "concurrency": 2, "on_error": "stop", "callback_url": "https://x.example"}
    del body["prompt"]
    told = estimate(lab, body).json

    assert told["count"] == 2
    assert told["total_tokens"] == 2 * one["total_tokens"]
    assert told["cost_usd"] == pytest.approx(2 * one["cost_usd"])
    assert (told["model"], told["connection"]) == ("gpt-5.4-mini", "openai")


def test_one_unknown_price_makes_the_sum_unknown() -> None:
    told = estimate(
        FormsLab(), {"prompt": "a", "items": [{"model": "gpt-5.4-mini"}, {"model": "brand-new"}]}
    ).json

    assert (told["cost_usd"], told["model"]) == (None, None)
    assert told["total_tokens"] > 0


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([], "items"),
        ("x", "items"),
        ({"a": 1}, "items"),
        (7, "items"),
        (None, "items"),
        ([7], "items[0]"),
        ([{"prompt": "a"}, {"prmpt": "b"}], "items[1].prmpt"),
        ([{"prompt": "a", "items": []}], "items[0].items"),
        ([{}] * 10_001, "items"),
    ],
)
def test_what_is_wrong_with_an_item_is_told_by_its_place(items: Any, field: str) -> None:
    answer = estimate(FormsLab(), {"model": "gpt-5.4-mini", "items": items})

    assert (answer.status_code, answer.json["field"]) == (422, field)


def test_it_is_refused_for_the_same_reasons_as_the_call() -> None:
    small = caller("small", models=("gpt-5.4-mini",), actions=("openai.chat",))
    lab = FormsLab(principals=[small, caller("reader", scopes=frozenset({"catalog:read"}))])

    assert estimate(lab, HI, key="small").status_code == 200
    assert estimate(lab, {**HI, "model": "gpt-5.4"}, key="small").status_code == 403
    assert estimate(lab, {"input": "x"}, key="small", action="openai.moderate").status_code == 404
    assert estimate(lab, HI, key="reader").status_code == 403
    assert estimate(lab, HI, key="nobody").status_code == 401
    assert estimate(lab, {"prompt": "hi"}).json["field"] == "model"
    assert estimate(lab, {"model": "m", "prompt": "hi", "json_schema": {"$ref": "x:y"}}).status_code == 422
    assert estimate(lab, HI, action="openai.nothing").status_code == 404


def test_nothing_is_set_aside_of_a_limit() -> None:
    admitted: list[Call] = []

    class Watch:
        @hookimpl
        def hookline_admit(self, call: Call) -> None:
            admitted.append(call)

    lab = FormsLab(plugins=[("watch", Watch())])
    estimate(lab, HI)

    assert admitted == []


def test_warnings_of_the_call_are_told_too() -> None:
    class Warns:
        @hookimpl
        def hookline_shape_request(self, call: Call) -> None:
            call.record.warn("late", "It is late.")

    lab = FormsLab(plugins=[("warns", Warns())])

    assert estimate(lab, HI).json["warnings"] == [{"code": "late", "message": "It is late."}]
    told = estimate(lab, {**HI, "items": [{"prompt": "a"}, {"prompt": "b"}]}).json
    assert told["warnings"] == [{"code": "late", "message": "It is late."}]


def test_what_another_plugin_runs_in_parts_is_not_known() -> None:
    class Parts:
        @hookimpl
        def hookline_shape_request(self, call: Call) -> None:
            call.record.is_composed = True

    told = estimate(FormsLab(plugins=[("parts", Parts())]), HI).json

    assert (told["total_tokens"], told["cost_usd"], told["is_exact"]) == (None, None, False)
