"""Parameters that a model does not take: refused, left out or renamed before the service has its say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hookline_lifecycle.options import LifecycleOptions
from hookline_lifecycle.parameters import fit_parameters
from hookline_openai.model_table import bundled
from small_service import whole

if TYPE_CHECKING:
    from tests.hooks.hookline_lifecycle.conftest import Serve

    from hookline.upstream import UpstreamRequest

USER = {"role": "user", "content": "hi"}
# One model of each family: always reasoning, `none` by default, `none` on request, plain.
ALWAYS, BY_DEFAULT, ON_REQUEST, PLAIN = "gpt-6.1-sol", "gpt-5.4", "gpt-5.6-sol", "gpt-4o"


def no_answer(request: UpstreamRequest) -> Any:
    raise AssertionError("the upstream was asked")


def refusal(serve: Serve, model: str, door: str = "wire", **fields: Any) -> tuple[int, str, str, list[str]]:
    """Return status, code, field and all fields at fault of a chat that is refused before it is sent."""
    served = serve(no_answer)
    answer = served.chat(model, door=door, **fields)
    error = answer.json["error"]
    listed = [one["field"] for one in answer.json.get("problems", [])]
    assert served.sent == []
    return answer.status_code, error["code"], error["param"], listed


def sent(
    serve: Serve, model: str, *, warnings: int = 0, policy: str = "error", **fields: Any
) -> dict[str, Any]:
    """Return what goes out of a chat that is served, but for model and messages."""
    served = serve(on_unsupported=policy)
    answer = served.chat(model, **fields)
    assert answer.status_code == 200, answer.json
    told = answer.headers.get("x-hookline-warnings", "")
    assert told.count("parameter_dropped") == warnings
    ((path, body),) = served.sent
    assert (path, body.pop("model"), body.pop("messages")) == ("/chat/completions", model, [USER])
    result: dict[str, Any] = body
    return result


# ---------------------------------------------------------------- the families stand as the tests take them


def test_the_models_of_these_tests_are_what_they_stand_for() -> None:
    rules = {name: bundled().models[name].reasoning for name in (ALWAYS, BY_DEFAULT, ON_REQUEST, PLAIN)}
    assert [rule and rule.sampling_params for rule in rules.values()] == [
        "rejected",
        "accepted_at_default_effort_none",
        "accepted_only_with_explicit_effort_none",
        None,
    ]


# ---------------------------------------------------------------- the output limit


@pytest.mark.parametrize("policy", ["error", "drop", "pass"])
@pytest.mark.parametrize("model", [ALWAYS, BY_DEFAULT, ON_REQUEST])
def test_max_tokens_is_renamed_where_it_is_refused(serve: Serve, model: str, policy: str) -> None:
    assert sent(serve, model, max_tokens=50, policy=policy) == {"max_completion_tokens": 50}
    assert sent(serve, model, max_tokens=50, max_completion_tokens=None, policy=policy) == {
        "max_completion_tokens": 50
    }
    assert sent(serve, model, max_completion_tokens=50, max_tokens=None, policy=policy) == {
        "max_completion_tokens": 50,
        "max_tokens": None,
    }


def test_a_limit_of_null_does_not_win_over_one_that_is_given(serve: Serve) -> None:
    for limits in (
        b'"max_tokens": 5, "max_completion_tokens": null',
        b'"max_completion_tokens": null, "max_tokens": 5',
    ):
        served = serve()
        content = b'{"model": "gpt-5.4", "messages": [], ' + limits + b"}"
        served.client.post("/v1/chat/completions", data=content, content_type="application/json")
        assert served.sent[0][1] == {"model": "gpt-5.4", "messages": [], "max_completion_tokens": 5}


def test_max_tokens_stays_where_it_is_taken(serve: Serve) -> None:
    assert sent(serve, PLAIN, max_tokens=50) == {"max_tokens": 50}
    assert sent(serve, "gpt-nobody-knows", max_tokens=50) == {"max_tokens": 50}
    assert sent(serve, PLAIN, max_tokens=50, max_completion_tokens=60) == {
        "max_tokens": 50,
        "max_completion_tokens": 60,
    }


def test_both_limits_together_are_ambiguous(serve: Serve) -> None:
    status, code, field, _ = refusal(serve, ALWAYS, max_tokens=50, max_completion_tokens=60)
    assert (status, code, field) == (400, "invalid_parameter_combination", "max_tokens")


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("model", "fields", "named"),
    [
        (ALWAYS, {"temperature": 0.2}, ["temperature"]),
        (ALWAYS, {"temperature": 0}, ["temperature"]),
        (ALWAYS, {"top_p": 0.5}, ["top_p"]),
        (ALWAYS, {"logprobs": True, "top_logprobs": 3}, ["logprobs", "top_logprobs"]),
        (
            ALWAYS,
            {"presence_penalty": 0.1, "frequency_penalty": -1},
            ["presence_penalty", "frequency_penalty"],
        ),
        (ALWAYS, {"stop": "\n"}, ["stop"]),
        (ALWAYS, {"stop": ["a", "b"]}, ["stop"]),
        (ALWAYS, {"logit_bias": {"50256": -100}}, ["logit_bias"]),
        (ALWAYS, {"reasoning_effort": "none"}, ["reasoning_effort"]),
        (BY_DEFAULT, {"stop": "\n"}, ["stop"]),
        (BY_DEFAULT, {"reasoning_effort": "low", "temperature": 0.2, "top_p": 0.1}, ["temperature", "top_p"]),
        (BY_DEFAULT, {"reasoning_effort": "minimal"}, ["reasoning_effort"]),
        (ON_REQUEST, {"temperature": 0.2}, ["temperature"]),
        (ON_REQUEST, {"temperature": 0.2, "reasoning_effort": "high"}, ["temperature"]),
        (ON_REQUEST, {"reasoning_effort": "none", "stop": "x"}, ["stop"]),
        (PLAIN, {"reasoning_effort": "low"}, ["reasoning_effort"]),
        ("ft:o4-mini:acme::a", {"temperature": 0.2}, ["temperature"]),
    ],
)
def test_what_a_model_refuses_is_reported_by_name(
    serve: Serve, model: str, fields: dict[str, Any], named: list[str]
) -> None:
    served = serve(no_answer, on_retired="pass")
    wire = served.chat(model, **fields)
    assert (wire.status_code, wire.json["error"]["code"]) == (400, "unsupported_parameter")
    assert wire.json["error"]["param"] == named[0]
    assert all(f"`{name}`" in wire.json["error"]["message"] for name in named)
    action = served.chat(model, door="action", **fields)
    assert (action.status_code, action.json["error"]["code"], action.json["field"]) == (
        422,
        "unsupported_parameter",
        named[0],
    )
    assert [one["field"] for one in action.json["problems"]] == named
    assert served.sent == []


def test_the_message_says_which_values_work(serve: Serve) -> None:
    served = serve(no_answer)

    def message(model: str, **fields: object) -> str:
        text: str = served.chat(model, door="action", **fields).json["detail"]
        return text

    assert message(ALWAYS, temperature=0.2) == f"The model `{ALWAYS}` does not take `temperature` (only 1)."
    assert (
        message(ON_REQUEST, temperature=0.2) == f"The model `{ON_REQUEST}` does not take `temperature` "
        "(only 1, or with `reasoning_effort` `none`)."
    )
    assert "`reasoning_effort` (only `none` or `low` or" in message(BY_DEFAULT, reasoning_effort="minimal")
    assert message(PLAIN, reasoning_effort="low").endswith("(the model does not reason).")


def test_a_model_that_was_replaced_is_named_beside_the_one_that_refuses(serve: Serve) -> None:
    served = serve(no_answer, on_retired="replace")
    message = served.chat("gpt-4", temperature=0.2).json["error"]["message"]
    assert "`gpt-5.6-sol`, which takes the place of `gpt-4`, does not take `temperature`" in message


# ---------------------------------------------------------------- not refused


@pytest.mark.parametrize("model", [ALWAYS, BY_DEFAULT, ON_REQUEST, PLAIN])
@pytest.mark.parametrize("door", ["action", "wire"])
def test_a_form_that_always_sends_its_defaults_works_with_every_model(
    serve: Serve, model: str, door: str
) -> None:
    served = serve(sandbox=True)
    fields: dict[str, Any] = {
        "temperature": 1,
        "top_p": 1,
        "presence_penalty": 0,
        "frequency_penalty": 0.0,
        "logit_bias": {},
        "logprobs": False,
        "n": 1,
        "stop": None,
        "max_completion_tokens": 200,
        "reasoning_effort": None,
    }
    answer = served.chat(model, door=door, **fields)
    assert answer.status_code == 200, answer.json
    assert "parameter_dropped" not in answer.headers.get("x-hookline-warnings", "")
    assert len(served.sent) == 1


def test_only_what_would_be_refused_is_taken_out_of_defaults(serve: Serve) -> None:
    idle: dict[str, Any] = {
        "temperature": 1,
        "top_p": 1.0,
        "presence_penalty": 0,
        "logprobs": False,
        "stop": [],
        "logit_bias": {},
    }
    assert sent(serve, ALWAYS, **idle) == {"temperature": 1}
    assert sent(serve, BY_DEFAULT, **idle) == {"temperature": 1, "top_p": 1.0, "logprobs": False}
    assert sent(serve, PLAIN, **idle) == idle
    assert sent(serve, ALWAYS, policy="pass", **idle) == idle
    assert sent(serve, ALWAYS, temperature=None, stop=None, top_p=None, reasoning_effort=None) == {
        "temperature": None,
        "stop": None,
        "top_p": None,
        "reasoning_effort": None,
    }


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (ALWAYS, {"reasoning_effort": "low", "verbosity": "low", "n": 2, "seed": 1}),
        (BY_DEFAULT, {"temperature": 0.2, "top_p": 0.5, "logprobs": True, "top_logprobs": 2}),
        (BY_DEFAULT, {"temperature": 0.2, "reasoning_effort": "none"}),
        (ON_REQUEST, {"temperature": 0.2, "reasoning_effort": "none", "logprobs": True}),
        (PLAIN, {"temperature": 0.2, "stop": "x", "presence_penalty": 1, "logit_bias": {"1": 1}}),
        ("gpt-nobody-knows", {"temperature": 0.2, "stop": "x", "reasoning_effort": "low", "dimensions": 3}),
    ],
)
def test_what_a_model_takes_goes_out_as_it_came(serve: Serve, model: str, fields: dict[str, Any]) -> None:
    assert sent(serve, model, **fields) == fields


# ---------------------------------------------------------------- left out, or sent, by policy


def test_fields_are_left_out_with_a_warning_each(serve: Serve) -> None:
    fields: dict[str, Any] = {"temperature": 0.2, "top_p": 0.5, "stop": "x", "presence_penalty": 0, "seed": 1}
    assert sent(serve, ALWAYS, policy="drop", warnings=3, **fields) == {"seed": 1}


def test_an_effort_that_is_left_out_no_longer_decides_about_the_others(serve: Serve) -> None:
    fields: dict[str, Any] = {"reasoning_effort": "minimal", "temperature": 0.2}
    assert sent(serve, BY_DEFAULT, policy="drop", warnings=1, **fields) == {"temperature": 0.2}


def test_fields_are_sent_as_they_are_by_policy(serve: Serve) -> None:
    fields: dict[str, Any] = {"temperature": 0.2, "stop": "x", "presence_penalty": 0}
    assert sent(serve, ALWAYS, policy="pass", **fields) == fields


def test_dropping_makes_any_call_one_that_the_service_takes(serve: Serve) -> None:
    everything: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 0.5,
        "logprobs": True,
        "top_logprobs": 2,
        "presence_penalty": 1,
        "frequency_penalty": 1,
        "logit_bias": {"5": 1},
        "stop": "zzz",
        "max_tokens": 300,
        "reasoning_effort": "xhigh",
    }
    served = serve(sandbox=True, on_unsupported="drop")
    models = [one.id for one in bundled() if one.kind == "chat" and one.shutdown_on is None]
    assert len(models) > 20
    for model in models:
        for effort in ("xhigh", "none", "minimal", None):
            answer = served.chat(model, **{**everything, "reasoning_effort": effort})
            assert answer.status_code == 200, (model, effort, answer.json)


# ---------------------------------------------------------------- other endpoints and servers


def test_on_another_server_nothing_is_renamed_or_refused(serve: Serve) -> None:
    served = serve(base_url="http://127.0.0.1:9/v1")
    fields: dict[str, Any] = {"temperature": 0.2, "max_tokens": 5, "max_completion_tokens": 6, "stop": "x"}
    assert served.chat(ALWAYS, **fields).status_code == 200
    assert served.sent == [("/chat/completions", {"model": ALWAYS, "messages": [USER], **fields})]


def test_an_edit_is_a_chat_for_this_too(serve: Serve) -> None:
    served = serve()
    edit = {"model": ALWAYS, "input": "x", "instruction": "y"}
    assert served.wire("/edits", **edit, temperature=0).json["error"]["param"] == "temperature"
    assert served.wire("/edits", **edit, temperature=1, top_p=1).status_code == 200
    ((_, body),) = served.sent
    assert set(body) == {"model", "messages", "temperature"}


def test_dimensions_are_refused_for_an_embedding_model_that_has_one_length(serve: Serve) -> None:
    answer = {"object": "list", "data": [{"index": 0, "embedding": [0.5]}]}
    served = serve(lambda request: whole(answer))
    fields: dict[str, Any] = {"model": "text-embedding-ada-002", "input": "x"}
    refused = served.wire("/embeddings", **fields, dimensions=64)
    assert (refused.status_code, refused.json["error"]["param"]) == (400, "dimensions")
    assert served.wire("/embeddings", **fields, dimensions=None).status_code == 200
    assert (
        served.wire("/embeddings", model="text-embedding-3-small", input="x", dimensions=64).status_code
        == 200
    )
    assert len(served.sent) == 2


def test_token_numbers_of_another_tokenizer_are_not_sent(serve: Serve) -> None:
    models = {
        "models": [
            {"id": "new-plain", "kind": "chat", "encoding": "o200k_base"},
            {"id": "gpt-4", "replacement": "new-plain"},
            {"id": "gpt-4-turbo", "replacement": "same"},
            {"id": "same", "kind": "chat", "encoding": "cl100k_base"},
        ]
    }
    served = serve(models=models, on_retired="replace")
    bias: dict[str, Any] = {"logit_bias": {"5": 1}}
    assert served.chat("gpt-4", **bias).json["error"]["param"] == "logit_bias"
    assert served.sent == []
    assert served.chat("gpt-4-turbo", **bias).status_code == 200
    assert served.sent[0][1]["logit_bias"] == {"5": 1}


# ---------------------------------------------------------------- whatever a body may hold


@pytest.mark.parametrize("policy", ["error", "drop", "pass"])
@pytest.mark.parametrize("value", [True, False, 0, 1, -1, 1.5, "", "1", [], [1], {}, {"a": 1}], ids=repr)
def test_values_of_any_type_are_judged_without_a_crash(serve: Serve, policy: str, value: object) -> None:
    served = serve(on_unsupported=policy)
    for name in (
        "temperature",
        "top_p",
        "logprobs",
        "top_logprobs",
        "stop",
        "presence_penalty",
        "logit_bias",
        "max_tokens",
        "max_completion_tokens",
        "reasoning_effort",
        "messages",
        "stream_options",
    ):
        body = {"model": ALWAYS, "messages": [USER], name: value}
        answer = served.client.post("/v1/chat/completions", json=body)
        assert answer.status_code in (200, 400), (name, answer.json)
        assert answer.headers["content-type"] == "application/json"


def test_true_is_not_one_and_false_is_not_zero(serve: Serve) -> None:
    assert refusal(serve, ALWAYS, top_p=True)[2] == "top_p"
    assert refusal(serve, ALWAYS, presence_penalty=False)[2] == "presence_penalty"
    assert refusal(serve, ALWAYS, logprobs=0)[2] == "logprobs"


# ---------------------------------------------------------------- what is not judged at all


def test_a_body_without_any_field_that_is_judged_is_taken_as_it_is() -> None:
    fields = {
        "dimensions": 3,
        "frequency_penalty": 1,
        "logit_bias": {"1": 1},
        "logprobs": True,
        "max_completion_tokens": 5,
        "max_tokens": 5,
        "presence_penalty": 1,
        "reasoning_effort": "sideways",
        "stop": ["x"],
        "temperature": 0.2,
        "top_logprobs": 2,
        "top_p": 0.5,
        "verbosity": "low",
    }
    nobody: Any = None  # is told of anything
    for info in bundled():
        body: dict[str, Any] = {
            name: value for name, value in fields.items() if name not in info.judged_fields
        }
        assert fit_parameters(nobody, body, info, LifecycleOptions()) is body, info.id
    assert "temperature" in bundled().models[ALWAYS].judged_fields
    assert "temperature" not in bundled().models[BY_DEFAULT].judged_fields
