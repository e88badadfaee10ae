"""`hookline record` against a service on this machine, which then moves on; and what it wrote, replayed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel, SecretStr

import hookline_schemas
from hookline import Call, Connector, QueryCredential
from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.testing import GatewayRecipe, GatewayUnderTest, ScriptedUpstream

SECRET = "Zq-credential+of/acme=0001"
CONTACT = {"name": "Ada", "phone": None, "tags": [{"id": 1}, {"id": 2, "by": "Ada"}]}


class Texts:
    """Presents a stream of texts."""

    def __init__(self, call: Call) -> None:
        self.texts: list[str] = []

    def feed(self, event: dict[str, object]) -> list[dict[str, object]]:
        self.texts.append(str(event["text"]))
        return [{"type": "text", "text": event["text"]}]

    def finish(self) -> dict[str, object]:
        return {"text": "".join(self.texts)}


def make_connector() -> Connector:
    connector = Connector("acme", title="Acme CRM", base_url="https://api.acme.example/v2")
    anything: dict[str, object] = {"type": "object"}
    connector.endpoint("find", "GET", "/contacts/{email}", input=anything, output=anything, read_only=True)
    connector.endpoint(
        "tell", "POST", "/tell", input=anything, output=anything, stream=Texts, stream_end=b"[DONE]"
    )
    return connector


class Lab:
    """A service on this machine, the command, and a folder for files."""

    def __init__(self, url: str, service: ScriptedUpstream, folder: Path) -> None:
        self.service = service
        self.folder = folder
        self.file = folder / "recordings" / "one.json"
        self._context = CommandContext(
            environ={
                "HOOKLINE_STATE_DIR": "none",
                "HOOKLINE_ACME_BASE_URL": url,
                "HOOKLINE_ACME_API_KEY": SECRET,
            },
            make_host=GatewayRecipe(plugins=(make_connector(),)).make_host,
        )

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(build_cli(), ["record", *words], obj=self._context)

    def record(self, *words: str) -> dict[str, Any]:
        result = self.run(*words, "--out", str(self.file), "--force")
        assert result.exit_code == 0, result.output
        written: dict[str, Any] = json.loads(self.file.read_text("utf-8"))
        return written

    def check(self) -> tuple[int, list[str]]:
        result = self.run("--check", str(self.file))
        return result.exit_code, [line.strip() for line in result.stdout.splitlines()[1:]]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """The service answers as it did when it was recorded."""
    service = ScriptedUpstream()
    service.answers("GET", "/contacts/{email}", json=CONTACT)
    with service.serve() as url:
        yield Lab(url, service, tmp_path)


def test_a_recording_holds_request_and_answer_in_the_published_form(lab: Lab) -> None:
    written = lab.record("acme.find", "email=ada@example.com", "full=yes")

    assert written["action"] == "acme.find"
    exchange = written["exchanges"][0]
    assert exchange["request"] == {
        "method": "GET",
        "path": "/contacts/ada@example.com",
        "query": [["full", "yes"]],
        "headers": {"accept": "application/json"},
        "body": None,
    }
    assert exchange["answer"] == {
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": {"json": CONTACT},
    }
    schema = json.loads((hookline_schemas.FOLDER / "recording.v1.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(written)


def test_secrets_are_removed_wherever_they_are_and_listed(lab: Lab) -> None:
    coded = base64.b64encode(f"xx{SECRET}".encode()).decode()
    body = {
        "plain": f"key {SECRET} is fine",
        "coded": coded,
        "quoted": quote(SECRET, safe=""),
        SECRET: 1,
        "client_secret": "something-else",
        "list": [{"deep": f"https://x.example/?k={quote(SECRET, safe='')}"}],
        "session": "of-a-cookie-0001",
    }
    lab.service.answers(
        "POST", "/tell", json=body, headers={"set-cookie": "of-a-cookie-0001", "x-request-id": "r1"}
    )

    written = lab.record("acme.tell", f"note=I am {SECRET}", "password=another", f"again={coded}")

    text = lab.file.read_text("utf-8")
    for secret in (SECRET, coded, quote(SECRET, safe=""), "something-else", "another", "of-a-cookie-0001"):
        assert secret not in text
    answer = written["exchanges"][0]["answer"]
    assert answer["body"]["json"]["plain"] == "key [removed] is fine"
    assert answer["headers"] == {"content-type": "application/json", "x-request-id": "r1"}
    removed = {(one["where"], one["what"]) for one in written["removed"]}
    assert {
        ("exchanges[0].request.headers.authorization", "header"),
        ("exchanges[0].answer.headers.set-cookie", "header"),
        ("exchanges[0].answer.body.plain", "secret"),
        ("exchanges[0].answer.body.client_secret", "named like a secret"),
        ("exchanges[0].request.body.password", "named like a secret"),
        ("input.password", "named like a secret"),
    } <= removed


def test_a_stream_is_kept_event_by_event_and_without_secrets(lab: Lab) -> None:
    lab.service.streams("POST", "/tell", [{"text": "A"}, {"text": SECRET}], end="[DONE]")

    written = lab.record("acme.tell", "say=hi", "--stream")

    texts = [piece["text"] for piece in written["exchanges"][0]["answer"]["stream"]]
    assert texts == ['data: {"text":"A"}\n\n', 'data: {"text":"[removed]"}\n\n', "data: [DONE]\n\n"]
    assert lab.check() == (0, [])


def test_values_that_differ_are_no_change(lab: Lab) -> None:
    lab.record("acme.find", "email=ada@example.com")
    lab.service.answers("GET", "/contacts/{email}", json={"name": "Bo", "phone": "1", "tags": []})

    assert lab.check() == (0, [])


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"json": {**CONTACT, "name": 7}}, ["answer.body.name: type was string and is number."]),
        ({"json": {"phone": None, "tags": []}}, ["answer.body.name is gone: it was string."]),
        ({"json": {**CONTACT, "new": True}}, ["answer.body.new is new: boolean."]),
        ({"json": {**CONTACT, "tags": [{"id": "1"}]}}, [
            "answer.body.tags[].id: type was number and is string.",
            "answer.body.tags[].by is gone: it was string.",
        ]),
        ({"json": CONTACT, "status": 404}, ["answer: status was 200 and is 404."]),
        ({"text": "hi"}, ["answer: media type was application/json and is text/plain."]),
        ({"json": [CONTACT]}, ["answer.body: type was object and is array."]),
    ],
)  # fmt: skip
def test_reality_that_has_moved_on_is_told(lab: Lab, now: dict[str, Any], told: list[str]) -> None:
    lab.record("acme.find", "email=ada@example.com")
    before = lab.file.read_text("utf-8")
    lab.service.answers("GET", "/contacts/{email}", **now)

    assert lab.check() == (1, [f"exchanges[0].{line}" for line in told])
    assert lab.file.read_text("utf-8") == before


def test_the_check_can_be_read_by_programs(lab: Lab) -> None:
    lab.record("acme.find", "email=ada@example.com")
    lab.service.answers("GET", "/contacts/{email}", json={"name": "Ada", "tags": []})

    result = lab.run("--check", str(lab.file), "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "changed": True,
        "files": [
            {
                "file": str(lab.file),
                "changes": [
                    {
                        "where": "exchanges[0].answer.body.phone",
                        "kind": "removed",
                        "before": "null",
                        "now": "nothing",
                    }
                ],
            }
        ],
    }


def test_a_file_is_replaced_only_with_force_and_the_service_is_not_asked(lab: Lab) -> None:
    lab.file.parent.mkdir()
    lab.file.write_text("mine")

    result = lab.run("acme.find", "email=a@b", "--out", str(lab.file))

    assert result.exit_code == 2
    assert "is there already" in result.output
    assert (lab.file.read_text(), lab.service.requests) == ("mine", [])


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["acme.fnd", "--out", "x.json"], 2, "Did you mean acme.find"),
        (["acme.find"], 2, "--out FILE"),
        (["--check"], 2, "--check takes files"),
        (["--check", "nowhere.json"], 2, "nowhere.json cannot be read"),
        (["acme.find", "--stream", "--out", "x.json"], 2, "does not stream"),
    ],
)
def test_wrong_use_is_told(
    lab: Lab, words: list[str], status: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lab.folder)

    result = lab.run(*words)

    assert (result.exit_code, told in result.output) == (status, True), result.output


def test_a_service_that_does_not_answer_is_told_and_nothing_is_written(lab: Lab) -> None:
    lab.service.fails("GET", "/contacts/{email}", "reset")

    result = lab.run("acme.find", "email=a@b", "--out", str(lab.file))

    assert result.exit_code == 1
    assert "got no answer of its service" in result.output
    assert not lab.file.exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "it is not JSON"),
        ("{}", "is no recording"),
        ('{"format": 2, "exchanges": []}', "has the format 2"),
        ('{"format": 1, "exchanges": [{}], "action": "a.b", "input": {}}', "is no sound recording"),
    ],
)
def test_a_file_that_is_no_recording_is_told(lab: Lab, content: str, told: str) -> None:
    lab.file.parent.mkdir()
    lab.file.write_text(content)

    result = lab.run("--check", str(lab.file))

    assert (result.exit_code, told in result.output) == (2, True), result.output


def test_a_recording_is_replayed_to_the_request_that_it_holds(lab: Lab) -> None:
    lab.service.answers("POST", "/tell", json={"text": "hello"})
    lab.record("acme.tell", f"note={SECRET}", "times:=2")
    upstream = ScriptedUpstream()
    upstream.folder = lab.folder
    upstream.replay("recordings/one.json")

    with GatewayUnderTest(GatewayRecipe(plugins=(make_connector(),)), upstream=upstream) as gateway:
        result = gateway.call("acme.tell", note="anything", times=2)
        assert result.output["text"] == "hello"
        with pytest.raises(AssertionError) as caught:
            gateway.call("acme.tell", note="anything", times=3)

    lines = str(caught.value).splitlines()
    assert "A request is not in one.json:" in lines
    assert '-      "times": 2' in lines
    assert '+      "times": 3' in lines
    assert "--force" in lines[-1]


def test_a_recorded_stream_is_replayed_with_its_silences(lab: Lab) -> None:
    lab.service.streams("POST", "/tell", [{"text": "A"}, {"text": "da"}], end="[DONE]")
    written = lab.record("acme.tell", "say=hi", "--stream")
    written["exchanges"][0]["answer"]["stream"][1]["after_s"] = 2.5
    lab.file.write_text(json.dumps(written))
    upstream = ScriptedUpstream()
    upstream.replay(lab.file)

    with GatewayUnderTest(GatewayRecipe(plugins=(make_connector(),)), upstream=upstream) as gateway:
        result = gateway.call.stream("acme.tell", say="hi")

    assert result.output["text"] == "Ada"
    assert 2.5 in upstream.clock.waits  # type: ignore[attr-defined]  # it is a fake one


class AcmeOptions(BaseModel):
    """Options of a connector, one of which is secret."""

    pin: SecretStr = SecretStr("")


def test_a_credential_of_the_query_and_a_secret_option_are_not_written(tmp_path: Path) -> None:
    connector = Connector(
        "acme",
        title="Acme CRM",
        base_url="https://api.acme.example/v2",
        credential=QueryCredential(parameter="appid"),
        options=AcmeOptions,
    )
    anything: dict[str, object] = {"type": "object"}
    connector.endpoint("find", "GET", "/contacts", input=anything, output=anything, read_only=True)
    service = ScriptedUpstream()
    service.answers("GET", "/contacts", json={"next": "/contacts?appid=abc1", "by": "pin-0004711"})
    with service.serve() as url:
        context = CommandContext(
            environ={
                "HOOKLINE_STATE_DIR": "none",
                "HOOKLINE_ACME_BASE_URL": url,
                "HOOKLINE_ACME_API_KEY": "abc1",
                "HOOKLINE_ACME_PIN": "pin-0004711",
            },
            make_host=GatewayRecipe(plugins=(connector,)).make_host,
        )
        out = tmp_path / "one.json"
        result = CliRunner().invoke(
            build_cli(), ["record", "acme.find", "page=2", "--out", str(out)], obj=context
        )

    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text("utf-8"))
    assert service.requests[0].target.endswith("appid=abc1")
    assert sorted(written["exchanges"][0]["request"]["query"]) == [["appid", "[removed]"], ["page", "2"]]
    assert "abc1" not in out.read_text("utf-8")
    assert "pin-0004711" not in out.read_text("utf-8")
