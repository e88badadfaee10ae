"""The models of a form: live, within the key's rights, and not filtered by name where names mean nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from forms_lab import FormsLab, caller, models_answer
from hookline import Call, hookimpl, sources
from hookline.errors import UpstreamUnavailableError
from small_service import whole

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest, UpstreamResponse

LIVE = models_answer(
    "text-embedding-3-small", "gpt-4o", "gpt-5.4-mini", "brand-new", "omni-moderation-latest", "dall-e-3"
)


def rows(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 200, answer.json
    return [(row["id"], row["name"]) for row in answer.json["options"]]


def ids(answer: Any) -> list[str]:
    return [id for id, _ in rows(answer)]


def test_the_service_s_own_list_is_shown_newest_first_and_what_ends_last() -> None:
    lab = FormsLab(LIVE)

    assert rows(lab.get("/options/openai.models")) == [
        ("dall-e-3", "dall-e-3"),
        ("omni-moderation-latest", "omni-moderation-latest"),
        ("brand-new", "brand-new"),
        ("gpt-5.4-mini", "gpt-5.4-mini"),
        ("text-embedding-3-small", "text-embedding-3-small"),
        ("gpt-4o", "gpt-4o (ends 2027-01-14)"),
    ]


def test_the_day_that_the_service_tells_goes_before_that_of_the_table() -> None:
    lab = FormsLab(models_answer("gpt-4o", **{"gpt-4o": "2026-12-24"}))

    assert rows(lab.get("/options/openai.models")) == [("gpt-4o", "gpt-4o (ends 2026-12-24)")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("kind=embedding", ["text-embedding-3-small", "dall-e-3", "brand-new"]),
        ("action=openai.embed", ["text-embedding-3-small", "dall-e-3", "brand-new"]),
        ("action=openai.chat", ["gpt-5.4-mini", "dall-e-3", "brand-new", "gpt-4o"]),
        ("action=openai.moderate", ["omni-moderation-latest", "dall-e-3", "brand-new"]),
        ("action=openai.chat&q=GPT", ["gpt-5.4-mini", "gpt-4o"]),
        ("q=ends", ["gpt-4o"]),
    ],
)
def test_an_action_gets_models_of_its_kind_and_those_nobody_knows(query: str, found: list[str]) -> None:
    assert ids(FormsLab(LIVE).get(f"/options/openai.models?{query}")) == found


def test_in_the_sandbox_no_name_hides_a_model() -> None:
    lab = FormsLab(LIVE, base_url="http://sandbox.invalid/v1")

    found = ids(lab.get("/options/openai.models?action=openai.embed"))

    assert {"sandbox", "sandbox-embedding", "gpt-5.4-mini"} <= set(found)


def test_elsewhere_no_name_hides_a_model_and_none_gets_a_day() -> None:
    lab = FormsLab(LIVE, base_url="https://llm.example/v1")

    found = rows(lab.get("/options/openai.models?action=openai.embed"))

    assert sorted(found) == sorted((one["id"], one["id"]) for one in LIVE["data"])


def test_a_key_sees_the_models_that_it_may_ask_for() -> None:
    lab = FormsLab(LIVE, principals=[caller("small", models=("gpt-*",))])

    assert ids(lab.get("/options/openai.models", key="small")) == ["gpt-5.4-mini", "gpt-4o"]


def test_the_list_is_asked_for_with_the_caller_s_rights_and_recorded_as_its_call() -> None:
    lab = FormsLab(LIVE)

    lab.get("/options/openai.models")
    lab.get("/options/openai.models?action=openai.chat")

    assert [call.action.id for call in lab.door.calls] == ["openai.list_models", "openai.list_models"]
    assert {call.principal.key_id for call in lab.door.calls} == {"caller"}
    assert lab.sent[0].headers["authorization"].startswith("Bearer ")


def failing(request: UpstreamRequest) -> UpstreamResponse:
    return whole({"error": {"message": "Down.", "type": "server_error"}}, status=503)


def test_when_the_service_is_down_the_table_answers_and_says_so() -> None:
    lab = FormsLab(failing)

    answer = lab.get("/options/openai.models?action=openai.chat")

    found = ids(answer)
    assert found[0].startswith("gpt-6")
    assert "gpt-4o" in found
    assert "text-embedding-3-small" not in found
    assert "gpt-4-32k" not in found, "it is retired"
    assert [one["code"] for one in answer.json["warnings"]] == ["models_not_live"]
    assert "could not be read" in answer.json["warnings"][0]["message"]


def test_a_form_does_not_wait_for_a_service_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hangs:
        @hookimpl
        def hookline_execute(self, call: Call) -> None:
            gone = threading.Event()
            call.cancellation.add(gone.set)
            assert gone.wait(10)
            raise UpstreamUnavailableError("The connection was cut.")

    monkeypatch.setattr(sources, "_WAIT_S", 0.05)  # no clock of ours runs while a service hangs
    lab = FormsLab(LIVE, plugins=[("hangs", Hangs())])

    answer = lab.get("/options/openai.models")

    assert "did not answer within 0.05 s" in answer.json["warnings"][0]["message"]
    assert ids(answer)


def test_a_key_that_may_not_list_gets_the_table_within_its_rights() -> None:
    lab = FormsLab(LIVE, principals=[caller("chatter", actions=("openai.chat",), models=("gpt-5.4*",))])

    answer = lab.get("/options/openai.models?action=openai.chat", key="chatter")

    assert answer.json["warnings"][0]["code"] == "models_not_live"
    assert ids(answer)
    assert all(id.startswith("gpt-5.4") for id in ids(answer))
    assert lab.sent == []


def test_of_another_server_the_table_is_no_more_than_a_guess() -> None:
    answer = FormsLab(failing, base_url="https://llm.example/v1").get("/options/openai.models?kind=chat")

    assert "this server may have others" in answer.json["warnings"][0]["message"]
    assert "text-embedding-3-small" in ids(answer)


def test_garbage_in_place_of_the_list_is_no_failure_of_the_form() -> None:
    assert FormsLab({"nothing": 1}).get("/options/openai.models").json["warnings"]


def test_a_kind_that_is_none_is_refused() -> None:
    answer = FormsLab(LIVE).get("/options/openai.models?kind=paint")

    assert (answer.status_code, answer.json["field"]) == (400, "kind")


def test_every_field_with_a_hint_has_its_source() -> None:
    lab = FormsLab(LIVE)
    for action in lab.gateway.catalog:
        properties: Any = action.input_schema.get("properties", {})
        for name, member in properties.items():
            hint = member.get("x-options")
            if hint is not None:
                assert lab.get(f"/options/{hint}").status_code == 200, (action.id, name)
            elif name == "model":
                raise AssertionError(f"{action.id} has a model without a dropdown")
