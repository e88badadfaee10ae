"""Holding requests to what their callers may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from hookline.connection import Connection
from hookline.errors import InvalidInputError, PermissionDeniedError
from hookline.principal import Caps
from hookline.upstream import UpstreamRequest

if TYPE_CHECKING:
    from tests.connectors.hookline_openai.conftest import MakeCall

CHAT: dict[str, object] = {"model": "gpt-5.4-mini", "messages": []}
COMPLETION: dict[str, object] = {"model": "gpt-3.5-turbo-instruct", "prompt": "x"}
CAPS = Caps(max_output_tokens=100, max_choices=2)


def bound(
    make_call: MakeCall,
    body: dict[str, object],
    *,
    verb: str = "chat",
    caps: Caps = CAPS,
    base_url: str = "https://api.openai.com/v1",
    path: str | None = None,
) -> dict[str, object] | None:
    call = make_call(verb, body, door="wire")
    object.__setattr__(call, "connection", Connection(name="openai", connector="openai", base_url=base_url))
    before = orjson.dumps(body)
    request = UpstreamRequest(
        method="POST", base_url=base_url, path=path or call.action.path, body=body, content=before
    )
    assert call.action.meter is not None

    call.action.meter.bound(call, request, caps)

    assert orjson.dumps(body) == before, "the caller's own body was changed"
    assert request.content == (before if request.body is body else None)
    return request.body


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(("verb", "body"), [("chat", CHAT), ("complete", COMPLETION)])
def test_more_tokens_than_allowed_are_refused_naming_the_field(
    verb: str, body: dict[str, object], name: str, make_call: MakeCall
) -> None:
    with pytest.raises(PermissionDeniedError) as caught:
        bound(make_call, {**body, name: 101}, verb=verb)

    assert (caught.value.field, caught.value.code, caught.value.status) == (name, "cap_exceeded", 403)
    assert "101" in caught.value.message
    assert "100" in caught.value.message


@pytest.mark.parametrize("name", ["n", "best_of"])
@pytest.mark.parametrize(("verb", "body"), [("chat", CHAT), ("complete", COMPLETION)])
def test_more_answers_than_allowed_are_refused_naming_the_field(
    verb: str, body: dict[str, object], name: str, make_call: MakeCall
) -> None:
    with pytest.raises(PermissionDeniedError) as caught:
        bound(make_call, {**body, name: 3}, verb=verb)

    assert caught.value.field == name


@pytest.mark.parametrize(
    "allowed", [{"max_tokens": 100}, {"max_completion_tokens": 1}, {"max_tokens": 5, "n": 2}]
)
def test_what_is_allowed_passes_as_it_is(allowed: dict[str, object], make_call: MakeCall) -> None:
    body = {**CHAT, **allowed}

    assert bound(make_call, body) is body


@pytest.mark.parametrize(
    ("model", "base_url", "field"),
    [
        ("gpt-5.4-mini", "https://api.openai.com/v1", "max_completion_tokens"),
        ("gpt-4o", "http://127.0.0.1:8000/v1", "max_completion_tokens"),
        ("brand-new", "https://api.openai.com/v1", "max_completion_tokens"),
        ("llama", "http://127.0.0.1:8000/v1", "max_tokens"),
        (None, "http://127.0.0.1:8000/v1", "max_tokens"),
    ],
)
def test_chat_that_names_no_bound_gets_one_in_the_words_of_its_model(
    model: str | None, base_url: str, field: str, make_call: MakeCall
) -> None:
    body: dict[str, object] = {**CHAT, "model": model, "max_tokens": None}

    assert bound(make_call, body, base_url=base_url) == {**body, field: 100}


@pytest.mark.parametrize(("cap", "set_to"), [(100, 16), (5, 5)])
def test_completion_that_names_no_bound_keeps_the_service_s_own_where_that_is_less(
    cap: int, set_to: int, make_call: MakeCall
) -> None:
    found = bound(make_call, COMPLETION, verb="complete", caps=Caps(max_output_tokens=cap))

    assert found == {**COMPLETION, "max_tokens": set_to}


def test_completion_that_runs_as_chat_is_bound_as_one(make_call: MakeCall) -> None:
    found = bound(make_call, CHAT, verb="complete", path="/chat/completions")

    assert found == {**CHAT, "max_completion_tokens": 100}


@pytest.mark.parametrize("value", ["200", "lots", 200.0, True, -1, 0, [], {}])
def test_bound_that_may_mean_anything_is_refused(value: object, make_call: MakeCall) -> None:
    with pytest.raises(InvalidInputError) as caught:
        bound(make_call, {**CHAT, "max_tokens": value})

    assert caught.value.field == "max_tokens"


@pytest.mark.parametrize("value", ["5", 1.5, True, -1])
def test_number_of_answers_that_may_mean_anything_is_refused(value: object, make_call: MakeCall) -> None:
    with pytest.raises(InvalidInputError) as caught:
        bound(make_call, {**CHAT, "n": value})

    assert caught.value.field == "n"


def test_completion_of_nothing_is_allowed(make_call: MakeCall) -> None:
    body = {**COMPLETION, "max_tokens": 0}

    assert bound(make_call, body, verb="complete") is body


def test_without_caps_nothing_is_judged_or_set(make_call: MakeCall) -> None:
    body = {**CHAT, "max_tokens": "lots", "n": 10**9}

    assert bound(make_call, body, caps=Caps()) is body


@pytest.mark.parametrize("verb", ["embed", "moderate", "list_models"])
def test_what_makes_no_text_is_not_bound(verb: str, make_call: MakeCall) -> None:
    body: dict[str, object] = {"model": "m", "input": "x", "n": 9, "max_tokens": 999}

    assert bound(make_call, body, verb=verb) is body
