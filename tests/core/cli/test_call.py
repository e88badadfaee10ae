from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from click.testing import Result

if TYPE_CHECKING:
    from pathlib import Path

    from tests.core.cli.conftest import AcmeService

Run = Callable[..., Result]


def test_text_becomes_what_the_schema_asks_for(run: Run, service: AcmeService) -> None:
    result = run("call", "acme.greet", "name=Ada", "times=2", 'extra:={"a": [1, null]}')
    assert (result.exit_code, result.output) == (0, "Hello Ada\n")
    assert service.requests == [{"name": "Ada", "times": 2, "extra": {"a": [1, None]}}]


def test_a_value_may_hold_equals_signs_and_colons(run: Run, service: AcmeService) -> None:
    run("call", "acme.greet", "name=a=b:=c")
    assert service.requests == [{"name": "a=b:=c"}]


@pytest.mark.parametrize("way", ["text", "file", "standard input"])
def test_input_is_read_as_json_and_fields_win_over_it(
    run: Run, service: AcmeService, tmp_path: Path, way: str
) -> None:
    text = '{"name": "Bob", "times": 1}'
    path = tmp_path / "input.json"
    path.write_text(text)
    source = {"text": text, "file": f"@{path}", "standard input": "-"}[way]
    assert run("call", "acme.greet", "--input", source, "name=Ada", stdin=text).exit_code == 0
    assert service.requests == [{"name": "Ada", "times": 1}]


def test_json_prints_the_whole_output(run: Run) -> None:
    result = run("call", "acme.greet", "name=Ada", "--json")
    assert json.loads(result.stdout) == {"text": "Hello Ada", "got": {"name": "Ada"}, "warnings": []}


def test_an_output_without_text_is_printed_as_json(run: Run) -> None:
    assert json.loads(run("call", "acme.count").stdout) == {"total": 7, "warnings": []}


def test_a_wrong_field_is_named_on_standard_error_and_the_status_is_1(run: Run, service: AcmeService) -> None:
    result = run("call", "acme.greet", "name=Ada", "times=9")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: `times` must be at most 3, not 9.\n  field     times\n")
    assert "`hookline actions show acme.greet` shows what each field takes" in result.stderr
    assert service.requests == []


def test_an_error_as_json_goes_to_standard_output(run: Run) -> None:
    result = run("call", "acme.greet", "times=1", "--json")
    assert (result.exit_code, result.stderr) == (1, "")
    problem = json.loads(result.stdout)
    assert (problem["status"], problem["field"]) == (422, "name")


def test_a_refusal_of_the_service_tells_its_status(run: Run, service: AcmeService) -> None:
    service.status = 503
    result = run("call", "acme.greet", "name=Ada")
    assert result.exit_code == 1
    assert "  upstream  status 503" in result.stderr
    assert "  retry     " in result.stderr


def test_a_stream_is_printed_piece_by_piece(run: Run, service: AcmeService) -> None:
    result = run("call", "acme.greet", "name=Ada", "--stream")
    assert (result.exit_code, result.stdout) == (0, "Hello Ada\n")
    assert service.requests == [{"name": "Ada", "stream": True}]


def test_a_stream_as_json_is_one_event_a_line(run: Run) -> None:
    result = run("call", "acme.greet", "name=Ada", "--stream", "--json")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"type": "text", "text": "Hello "},
        {"type": "text", "text": "Ada"},
        {"type": "output", "output": {"text": "Hello Ada", "warnings": []}},
    ]


def test_a_stream_that_breaks_off_ends_with_the_error_and_1(run: Run, service: AcmeService) -> None:
    service.events = [b'{"text": "Hel"}']
    result = run("call", "acme.greet", "name=Ada", "--stream")
    assert (result.exit_code, result.stdout) == (1, "Hel\n")
    assert result.stderr.startswith("Error: The upstream's stream ended before it was complete.")


def test_streaming_an_action_that_cannot_is_a_usage_error(run: Run) -> None:
    result = run("call", "acme.count", "--stream")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: acme.count does not stream.\n  Leave out --stream.\n",
    )


def test_an_unknown_action_is_a_usage_error_with_a_suggestion(run: Run) -> None:
    result = run("call", "acme.great")
    assert result.exit_code == 2
    assert "Did you mean acme.greet" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["name"], "'name' is not a field; write `name=value`, or `name:=JSON` for JSON."),
        (["=x"], "'=x' is not a field"),
        (["times:=two"], "'two' is not JSON"),
        (["times:=NaN"], "NaN is not a JSON value"),
        (["name=\udcff"], "The value of 'name' is not UTF-8."),
        (["--input", "[]"], "The input must be a JSON object such as {…}, not an array."),
        (["--input", "@/no/such/file"], "'/no/such/file' cannot be read: No such file or directory."),
    ],
)
def test_what_cannot_be_read_is_a_usage_error_that_tells_how_to_write_it(
    run: Run, arguments: list[str], message: str
) -> None:
    result = run("call", "acme.greet", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
