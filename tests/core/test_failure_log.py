"""What stands in the log when code fails over a value: where, and not which."""

from __future__ import annotations

import logging

import pytest
from pydantic import BaseModel

from hookline import Call, Connector, Order, Response, Usage, hookimpl
from hookline.failure_log import log_failure_of_code
from small_service import CALLER, make_gateway


class Person(BaseModel):
    age: int


class Text(BaseModel):
    text: str


CANARY = "ada@example.com"


def reads_wrongly(call: Call, input: Text) -> Text:
    return Text(text=str(Person.model_validate({"age": input.text})))


def wraps_its_error(call: Call, input: Text) -> Text:
    try:
        return reads_wrongly(call, input)
    except ValueError as exc:
        raise RuntimeError("the person cannot be read") from exc


def returns_wrongly(call: Call, input: Text) -> Text:
    return {"text": {"whole": input.text}}  # type: ignore[return-value]  # that is the mistake


@pytest.mark.parametrize("function", [reads_wrongly, wraps_its_error, returns_wrongly])
def test_a_value_that_does_not_fit_a_model_is_not_logged(
    function: object, caplog: pytest.LogCaptureFixture
) -> None:
    connector = Connector("tools", title="Tools")
    connector.action(function)  # type: ignore[call-overload]
    plugin = type("Tools", (), {"connector": connector})()
    order = Order(action_id=f"tools.{function.__name__}", fields={"text": CANARY})  # type: ignore[attr-defined]

    assert make_gateway(plugin).runner.run(CALLER, order).status == 500

    assert "plugin_failed" in caplog.text
    assert CANARY not in caplog.text
    if function is not returns_wrongly:
        assert "pydantic_core._pydantic_core.ValidationError: age (int_parsing)" in caplog.text
        assert "in reads_wrongly" in caplog.text
    if function is wraps_its_error:
        assert "RuntimeError: the person cannot be read" in caplog.text


def test_a_hook_that_reads_wrongly_when_a_call_is_over_logs_no_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Books:
        @hookimpl
        def hookline_process_response(self, response: Response) -> None:
            return None

        @hookimpl
        def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
            Person.model_validate({"age": call.input["text"]})

    connector = Connector("tools", title="Tools")

    @connector.action
    def say(call: Call, input: Text) -> Text:
        return input

    plugin = type("Tools", (), {"connector": connector})()
    order = Order(action_id="tools.say", fields={"text": CANARY})

    assert make_gateway(plugin, Books()).runner.run(CALLER, order).status == 200
    assert "failed when the call was over" in caplog.text
    assert CANARY not in caplog.text


def test_other_failures_are_logged_as_python_does(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise KeyError("text")
    except KeyError as exc:
        log_failure_of_code(logging.getLogger("hookline.test"), "%s failed", "it", exc=exc)

    assert caplog.records[0].exc_info is not None
    assert caplog.records[0].getMessage() == "it failed"


def test_a_chain_in_a_circle_ends(caplog: pytest.LogCaptureFixture) -> None:
    first, second = ValueError("one"), type("ValidationError", (ValueError,), {})(CANARY)
    first.__cause__, second.__cause__ = second, first

    log_failure_of_code(logging.getLogger("hookline.test"), "it failed", exc=first)

    assert "ValueError: one" in caplog.text
    assert CANARY not in caplog.text
