"""Models on their way out and gone: at both doors, by every policy, around every border."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from hookline.errors import ConfigurationError
from small_service import whole

if TYPE_CHECKING:
    from tests.hooks.hookline_lifecycle.conftest import Serve

    from hookline.upstream import UpstreamRequest

ELSEWHERE = "http://127.0.0.1:9/v1"
DOORS = ("action", "wire")
OLD = {"id": "gpt-old", "kind": "chat", "deprecated_on": "2026-06-01", "shutdown_on": "2027-01-14"}


def warnings_of(answer: Any) -> list[str]:
    """Return the codes of the warnings, which an action's output and the header of the wire hold alike."""
    header = answer.headers.get("x-hookline-warnings", "")
    codes = [part.partition(":")[0] for part in header.split("; ")] if header else []
    if "warnings" in (answer.json or {}):
        assert [one["code"] for one in answer.json["warnings"]] == codes
    return codes


def error_of(answer: Any) -> dict[str, Any]:
    error: dict[str, Any] = answer.json["error"]
    return error


def no_answer(request: UpstreamRequest) -> Any:
    raise AssertionError("the upstream was asked")


# ---------------------------------------------------------------- deprecated


@pytest.mark.parametrize("door", DOORS)
def test_a_deprecated_model_works_and_says_so(serve: Serve, door: str) -> None:
    served = serve(models={"models": [{**OLD, "replacement": "gpt-6-luna"}]})
    answer = served.chat("gpt-old", door=door)
    assert answer.status_code == 200
    assert served.sent[0][1]["model"] == "gpt-old"
    assert len(served.sent) == 1
    assert answer.headers["deprecation"] == f"@{int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())}"
    assert answer.headers["sunset"] == "Thu, 14 Jan 2027 00:00:00 GMT"
    assert "link" not in answer.headers
    assert (
        answer.headers["x-hookline-warnings"]
        == "model_deprecated: The model `gpt-old` ends on 2027-01-14. Move to `gpt-6-luna`."
    )
    assert warnings_of(answer) == ["model_deprecated"]


def test_a_stream_carries_the_marks_too(serve: Serve, stream_of: Callable[..., Any]) -> None:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}],
    }

    def answer(request: UpstreamRequest) -> Any:
        return stream_of(chunk, b"data: [DONE]\n\n").response(content_type="text/event-stream")

    served = serve(answer, models={"models": [OLD]})
    reply = served.chat("gpt-old", stream=True)
    assert reply.headers["sunset"] == "Thu, 14 Jan 2027 00:00:00 GMT"
    assert warnings_of(reply) == ["model_deprecated"]
    assert b"[DONE]" in reply.data


def test_what_is_not_known_of_a_deprecated_model_is_not_said(serve: Serve) -> None:
    served = serve(models={"models": [{"id": "gpt-old", "kind": "chat", "shutdown_on": "2027-01-14"}]})
    answer = served.chat("gpt-old")
    assert "deprecation" not in answer.headers
    assert answer.headers["x-hookline-warnings"].endswith("ends on 2027-01-14.")


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (datetime(2027, 1, 13, 12, tzinfo=UTC), 200),
        (datetime(2027, 1, 13, 23, 59, 59, 999_999, tzinfo=UTC), 200),
        (datetime(2027, 1, 14, 0, 0, tzinfo=UTC), 404),
        (datetime(2027, 1, 15, 12, tzinfo=UTC), 404),
        (datetime(2027, 1, 14, 1, 0, tzinfo=timezone(timedelta(hours=2))), 200),
        (datetime(2027, 1, 13, 23, 0, tzinfo=timezone(timedelta(hours=-2))), 404),
    ],
)
def test_a_model_ends_at_midnight_utc_of_its_day(serve: Serve, now: datetime, status: int) -> None:
    served = serve(models={"models": [OLD]}, now=now)
    assert served.chat("gpt-old").status_code == status
    assert len(served.sent) == (1 if status == 200 else 0)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("model", ["gpt-5.4", "gpt-nobody-knows", "sandbox", "sandbox-429", "vendor/gpt-4"])
def test_active_and_unknown_models_pass_without_a_word(serve: Serve, model: str, door: str) -> None:
    served = serve()
    answer = served.chat(model, door=door)
    assert (answer.status_code, warnings_of(answer)) == (200, [])
    assert "sunset" not in answer.headers
    assert served.sent[0][1]["model"] == model


# ---------------------------------------------------------------- retired: refused


@pytest.mark.parametrize(("door", "status"), [("action", 400), ("wire", 404)])
def test_a_retired_model_is_refused_and_its_replacement_named(serve: Serve, door: str, status: int) -> None:
    served = serve(no_answer)
    answer = served.chat("gpt-4", door=door)
    assert answer.status_code == status
    assert (error_of(answer)["code"], error_of(answer)["param"]) == ("model_retired", "model")
    message = answer.json.get("message") or error_of(answer)["message"]
    assert message == "The model `gpt-4` was retired on 2026-10-23. Use `gpt-5.6-sol`."
    assert served.sent == []
    if door == "wire":
        assert answer.headers["x-should-retry"] == "false"


def test_a_chain_of_replacements_is_followed_to_the_first_that_is_served(serve: Serve) -> None:
    # gpt-3.5-turbo-0301 -> gpt-3.5-turbo -> gpt-5.6-terra; the one in the middle is gone as well.
    served = serve(no_answer)
    assert "Use `gpt-5.6-terra`." in error_of(served.chat("gpt-3.5-turbo-0301"))["message"]
    earlier = serve(no_answer, now=date(2026, 10, 22))
    assert "Use `gpt-3.5-turbo`." in error_of(earlier.chat("gpt-3.5-turbo-0301"))["message"]


def test_a_choice_of_replacements_is_told_whole(serve: Serve) -> None:
    assert "Use `gpt-5` (or gpt-4.1)." in error_of(serve(no_answer).chat("gpt-4-0314"))["message"]


def test_where_no_replacement_is_known_that_is_said(serve: Serve) -> None:
    message = error_of(serve(no_answer).chat("gpt-5-chat"))["message"]
    assert message.endswith("No replacement is known; choose another model.")
    named = error_of(serve(no_answer).chat("codex-mini-latest"))["message"]
    assert "OpenAI named gpt-5-codex-mini" in named


def test_a_completion_model_that_only_a_chat_replaces_says_where_to_go(serve: Serve) -> None:
    served = serve(no_answer)
    wire = served.wire("/completions", model="davinci-002", prompt="hi")
    assert error_of(wire)["message"].endswith("Use `gpt-5.6-terra` with /v1/chat/completions.")
    action = served.act("complete", model="davinci-002", prompt="hi")
    assert action.json["hint"] == "Use `gpt-5.6-terra` with the action `openai.chat`."


@pytest.mark.parametrize("model", ["ft:gpt-3.5-turbo:acme::abc", "ft:gpt-4:acme::abc"])
def test_a_fine_tuned_model_is_not_replaced_by_an_untuned_one(serve: Serve, model: str) -> None:
    served = serve(no_answer, on_retired="replace")
    answer = served.chat(model)
    assert (answer.status_code, error_of(answer)["code"]) == (404, "model_retired")
    assert "No replacement is known" in error_of(answer)["message"]


def test_a_fine_tuned_model_takes_the_replacement_of_its_row(serve: Serve) -> None:
    served = serve(on_retired="replace", replacements={"ft:gpt-3.5-turbo": "ft:gpt-6-luna:acme::xyz"})
    answer = served.chat("ft:gpt-3.5-turbo:acme::abc")
    assert answer.status_code == 200
    assert served.sent[0][1]["model"] == "ft:gpt-6-luna:acme::xyz"


# ---------------------------------------------------------------- retired: replaced


@pytest.mark.parametrize("door", DOORS)
def test_a_retired_model_is_replaced_by_policy_and_never_silently(serve: Serve, door: str) -> None:
    served = serve(on_retired="replace")
    answer = served.chat("gpt-3.5-turbo-0301", door=door)
    assert answer.status_code == 200
    assert [body["model"] for _, body in served.sent] == ["gpt-5.6-terra"]
    assert warnings_of(answer) == ["model_replaced"]
    assert "`gpt-3.5-turbo-0301`" in answer.headers["x-hookline-warnings"]
    assert "`gpt-5.6-terra`" in answer.headers["x-hookline-warnings"]
    assert answer.headers["sunset"] == "Fri, 13 Sep 2024 00:00:00 GMT"


def test_replacements_of_the_settings_go_before_the_table_s(serve: Serve) -> None:
    served = serve(on_retired="replace", replacements={"gpt-4": "gpt-5.4"})
    assert served.chat("gpt-4").status_code == 200
    assert served.sent[0][1]["model"] == "gpt-5.4"


def test_replacements_may_go_on_in_the_table(serve: Serve) -> None:
    served = serve(on_retired="replace", replacements={"gpt-4": "gpt-3.5-turbo-0301"})
    assert served.chat("gpt-4").status_code == 200
    assert served.sent[0][1]["model"] == "gpt-5.6-terra"


def test_a_replacement_that_nobody_knows_is_tried(serve: Serve) -> None:
    served = serve(on_retired="replace", replacements={"gpt-4": "our-own-model"})
    assert served.chat("gpt-4").status_code == 200
    assert served.sent[0][1]["model"] == "our-own-model"


@pytest.mark.parametrize(
    "replacements",
    [{"gpt-4": "o1", "o1": "gpt-4"}, {"gpt-4": "o1", "o1": "o3-mini", "o3-mini": "o1"}],
)
def test_replacements_that_go_in_a_circle_end_in_the_error(
    serve: Serve, replacements: dict[str, str]
) -> None:
    served = serve(no_answer, on_retired="replace", replacements=replacements)
    assert error_of(served.chat("gpt-4"))["code"] == "model_retired"


def test_a_replacement_of_another_kind_is_not_used(serve: Serve) -> None:
    served = serve(no_answer, on_retired="replace", replacements={"gpt-4": "text-embedding-3-small"})
    answer = served.chat("gpt-4")
    assert error_of(answer)["code"] == "model_retired"
    assert error_of(answer)["message"].endswith("Use `text-embedding-3-small` with /v1/embeddings.")


def test_a_replaced_embedding_model_warns_of_its_vectors(serve: Serve) -> None:
    answer = {"object": "list", "model": "m", "data": [{"index": 0, "embedding": [0.5]}]}
    served = serve(lambda request: whole(answer), on_retired="replace")
    reply = served.wire("/embeddings", model="text-search-ada-doc-001", input="hi")
    assert reply.status_code == 200
    assert served.sent == [("/embeddings", {"model": "text-embedding-3-small", "input": "hi"})]
    assert "cannot be compared" in reply.headers["x-hookline-warnings"]


def test_policies_differ_by_key_and_action(serve: Serve) -> None:
    served = serve(actions={"openai.chat": {"on_retired": "replace"}})
    assert served.chat("gpt-4").status_code == 200
    assert served.wire("/edits", model="gpt-4", instruction="x", input="y").status_code == 404


def test_a_caller_s_own_body_is_not_changed_by_a_replacement(serve: Serve) -> None:
    served = serve(on_retired="replace")
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": "hi"}], "user": "u"}
    assert served.client.post("/v1/chat/completions", json=body).status_code == 200
    assert served.sent == [("/chat/completions", {**body, "model": "gpt-5.6-sol"})]


# ---------------------------------------------------------------- retired: sent all the same


@pytest.mark.parametrize("door", DOORS)
def test_a_retired_model_is_sent_by_policy_and_marked(serve: Serve, door: str) -> None:
    served = serve(on_retired="pass")
    answer = served.chat("gpt-4", door=door)
    assert answer.status_code == 200
    assert served.sent[0][1]["model"] == "gpt-4"
    assert warnings_of(answer) == ["model_retired"]
    assert answer.headers["sunset"] == "Fri, 23 Oct 2026 00:00:00 GMT"


# ---------------------------------------------------------------- other servers


@pytest.mark.parametrize("policy", ["error", "replace", "pass"])
@pytest.mark.parametrize(("model", "word"), [("gpt-4", "retired"), ("gpt-4o", "will retire")])
def test_on_another_server_the_table_only_warns(serve: Serve, model: str, word: str, policy: str) -> None:
    served = serve(base_url=ELSEWHERE, on_retired=policy)
    answer = served.chat(model)
    assert answer.status_code == 200
    assert served.sent[0][1]["model"] == model
    assert warnings_of(answer) == ["model_deprecated"]
    assert f"OpenAI {word} its model" in answer.headers["x-hookline-warnings"]
    assert "sunset" not in answer.headers
    assert "deprecation" not in answer.headers


def test_an_origin_that_only_looks_like_openai_is_another_server(serve: Serve) -> None:
    for url in (
        "https://api.openai.com.evil.example/v1",
        "http://api.openai.com/v1",
        "https://api.openai.com:8443/v1",
    ):
        assert serve(base_url=url).chat("gpt-4").status_code == 200
    assert serve(no_answer, base_url="https://API.openai.com:443/v1").chat("gpt-4").status_code == 404


# ---------------------------------------------------------------- whatever a body may hold


@pytest.mark.parametrize(
    "model", [None, 1, 1.5, True, [], ["gpt-4"], {}, {"a": "gpt-4"}, "", "ft:", "ft::", "x" * 10_000, "\x00"]
)
@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/embeddings", "/moderations"])
def test_a_model_that_is_no_model_is_left_to_the_service(serve: Serve, path: str, model: object) -> None:
    served = serve(
        lambda request: whole({"error": {"message": "no", "type": "invalid_request_error"}}, status=400)
    )
    answer = served.wire(path, model=model, prompt="hi", input="hi", messages=1)
    assert answer.status_code == 400
    assert [body["model"] for _, body in served.sent] == [model]


def test_a_body_without_a_model_is_left_to_the_service(serve: Serve) -> None:
    served = serve(lambda request: whole({"error": {"message": "no"}}, status=400))
    assert served.wire("/chat/completions", messages=[]).status_code == 400
    assert len(served.sent) == 1


@pytest.mark.parametrize(
    ("replacement", "problem"),
    [("", "is empty"), (" ", "is empty"), ("gpt-4", "cannot be its own replacement")],
)
def test_a_replacement_that_is_none_keeps_the_gateway_from_starting(
    serve: Serve, replacement: str, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        serve(replacements={"gpt-4": replacement})
