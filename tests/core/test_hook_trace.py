"""The trace of hooks: who ran when and changed what, without anybody's data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hookline import Call, HooklineError, Response, UpstreamRequest, hookimpl
from hookline.errors import InvalidInputError
from hookline.hook_trace import HookTrace
from hookline.settings import Settings, load_settings
from small_service import CALLER, Sign, Upstream, make_gateway, say, say_on_the_wire, whole

SECRET, PROMPT, ANSWER = "sk-secret", "ada@example.com is ill", "tell Ada"


class Changes:
    """Changes requests and answers."""

    @hookimpl
    def hookline_shape_request(self, request: UpstreamRequest) -> None:
        assert request.body is not None
        request.headers["x-case"] = "4711"
        request.body["times"] = 2
        request.body["text"] = f"{request.body['text']}!"

    @hookimpl
    def hookline_process_response(self, call: Call, response: Response) -> None:
        response.output["text"] = str(response.output["text"]).upper()
        call.record.warn("loud", "It was raised.")


class Around:
    """Looks at what happens to attempts."""

    @hookimpl(wrapper=True)
    def hookline_execute(self) -> Iterator[None]:
        return (yield)


def traced(*plugins: object, order: object = None, form: str = "json") -> list[Any]:
    lines: list[str] = []
    gateway = make_gateway(*plugins, upstream=Upstream(lambda request: whole({"text": ANSWER})))
    gateway.host.start_trace(HookTrace(form, write=lines.append))  # type: ignore[arg-type]
    gateway.runner.run(CALLER, order or say(PROMPT))  # type: ignore[arg-type]
    return [json.loads(line) for line in lines] if form == "json" else lines


def test_each_hook_of_a_call_has_one_line_in_the_order_in_which_they_ended() -> None:
    lines = traced(Changes(), Sign(), Around())

    assert [(line["hook"], line["plugin"], line["returned"]) for line in lines] == [
        ("hookline_authorize", "allow", "Decision(allow=True)"),
        ("hookline_shape_request", "plugin1", "None"),
        ("hookline_resolve_credential", "plugin2", "Secret"),
        ("hookline_apply_upstream_auth", "plugin2", "True"),
        ("hookline_execute", "code", "None"),
        ("hookline_execute", "transport", "UpstreamResponse(status=200)"),
        ("hookline_execute", "plugin3", "UpstreamResponse(status=200)"),
        ("hookline_process_response", "plugin1", "None"),
    ]
    assert {line["call"] for line in lines} == {"call_1"}
    assert all(line["us"] >= line["own_us"] >= 0 for line in lines)


def test_a_line_names_what_was_changed_and_no_value() -> None:
    lines = traced(Changes(), Sign())
    changed = {line["hook"]: line["changed"] for line in lines if line["changed"]}

    assert changed == {
        "hookline_shape_request": [
            "+request.headers.x-case text[4]",
            f"~request.body.text text[{len(PROMPT)}]→text[{len(PROMPT) + 1}]",
            "+request.body.times number",
        ],
        "hookline_apply_upstream_auth": ["+request.headers.authorization text[16]"],
        "hookline_process_response": [
            f"~response.output.text text[{len(ANSWER)}]",
            "~record.warnings list[0]→list[1]",
        ],
    }


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("order", [say(PROMPT), say_on_the_wire(json.dumps({"text": PROMPT}).encode())])
def test_nothing_of_a_secret_a_prompt_or_an_answer_is_in_a_trace(form: str, order: object) -> None:
    text = repr(traced(Changes(), Sign(), form=form, order=order))

    assert "shape_request" in text
    assert not any(word in text for word in (SECRET, "ada@example.com", "ill", "Ada", "ADA", "4711"))


def test_an_error_is_named_by_class_and_code_without_its_message() -> None:
    class Refuses:
        @hookimpl
        def hookline_shape_request(self) -> None:
            raise InvalidInputError(f"{PROMPT} is no text.", field="text")

        @hookimpl
        def hookline_map_error(self, error: HooklineError) -> HooklineError:
            return error

    lines = traced(Refuses())

    assert (lines[1]["raised"], lines[1]["returned"]) == ("InvalidInputError(invalid_input)", None)
    assert lines[2]["returned"] == "InvalidInputError(invalid_input)"
    assert "ada" not in repr(lines)


def test_calls_inside_a_call_are_indented() -> None:
    class Asks:
        @hookimpl
        def hookline_process_response(self, call: Call) -> None:
            if call.parent is None:
                call.run("acme.say", {"text": "again"})

    lines = traced(Asks(), form="text")
    inner = [line for line in lines if not line.startswith("call_1 ")]

    assert [line.split(" ", 1)[1].split()[0] for line in inner] == [
        "authorize",
        "execute",
        "execute",
        "process_response",
    ]
    assert all(line.split(" ", 1)[1].startswith("  ") for line in inner)
    assert lines[-1].startswith("call_1 process_response")


def test_a_traced_call_answers_as_without_a_trace() -> None:
    def reply(start: Callable[[Any], None]) -> object:
        gateway = make_gateway(Changes(), Sign(), Around(), upstream=Upstream(lambda r: whole({"text": "x"})))
        start(gateway.host)
        return gateway.runner.run(CALLER, say(PROMPT)).content

    assert reply(lambda host: host.start_trace(HookTrace(write=lambda line: None))) == reply(
        lambda host: None
    )


@pytest.mark.parametrize(
    ("text", "form"), [("1", "text"), ("true", "text"), ("json", "json"), ("0", "off"), ("text", "text")]
)
def test_a_variable_switches_it_on(text: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = load_settings({"HOOKLINE_TRACE_HOOKS": text, "HOOKLINE_STATE_DIR": "none"})
    gateway = make_gateway(Changes(), settings=settings)

    gateway.runner.run(CALLER, say(PROMPT))

    assert settings.trace_hooks == form
    told = capsys.readouterr().err
    assert told.count("shape_request") == (0 if form == "off" else 1)
    assert told.startswith("{") is (form == "json")


def test_without_a_trace_nothing_stands_around_a_hook_for_it() -> None:
    gateway = make_gateway(Changes(), settings=Settings())

    functions = [one.function for one in gateway.host.hook.hookline_shape_request.get_hookimpls()]

    assert [function.__qualname__ for function in functions] == ["Implementation.around.<locals>.watched"]
