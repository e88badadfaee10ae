"""The index of hooks, and the examples of their pages, which run."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import click
import orjson
import pytest

from hookline import (
    Connector,
    Job,
    OAuth2Credential,
    Principal,
    UpstreamRequest,
    UpstreamResponse,
    hookimpl,
    hookspecs,
)
from hookline.connection import Secret
from hookline.errors import AuthenticationError
from hookline.gateway import Gateway, load_plugins
from hookline.order import Order
from hookline.settings import Settings
from hookline.webhook.app import create_app

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from tests.docs.conftest import Block
    from werkzeug.test import TestResponse

    from hookline import Call

PAGE = "docs/reference/hooks.md"
FOLDER = "docs/reference/hooks"
KEY = "a-key-for-tests-only-0001"
HEADERS = {"authorization": f"Bearer {KEY}"}
_LINK = re.compile(r"\[`(\w+)`\]\(hooks/\1\.md\)")


def _specifications() -> dict[str, str]:
    """Return each hook with its signature as it stands in the source, in call order."""
    found = {}
    for name, function in vars(hookspecs).items():
        if name.startswith("hookline_"):
            found[name] = f"{name}{inspect.signature(function)}".replace("'", "")
    return found


def test_the_tables_of_the_index_list_every_hook_in_call_order(
    rows_of: Callable[[str], list[list[str]]],
) -> None:
    shown = [found[1] for row in rows_of(PAGE) if (found := _LINK.fullmatch(row[0]))]
    assert shown == list(_specifications())


def test_kind_and_wrappers_in_the_index_are_those_of_the_pages(
    rows_of: Callable[[str], list[list[str]]],
) -> None:
    for row in rows_of(PAGE):
        if found := _LINK.fullmatch(row[0]):
            facts = {one[0]: one[1].partition(":")[0] for one in rows_of(f"{FOLDER}/{found[1]}.md")}
            assert row[1:3] == [facts["Kind"], {"none": "no", "allowed": "yes"}[facts["Wrappers"]]], found[1]


def test_the_picture_shows_every_hook_of_a_call_in_call_order(root: Path) -> None:
    text = (root / "docs/images/hooks.svg").read_text("utf-8")
    drawn = re.findall(r">(hookline_\w+)<", text)
    assert drawn == [name for name in _specifications() if name not in hookspecs.SETUP_HOOKS]


def test_every_hook_has_one_example(read_blocks: Callable[[str], list[Block]]) -> None:
    for name in _specifications():
        examples = [block for block in read_blocks(f"{FOLDER}/{name}.md") if "example" in block.marks]
        assert len(examples) == 1, name


def test_every_name_that_plugin_authors_import_is_listed(rows_of: Callable[[str], list[list[str]]]) -> None:
    import hookline

    rows = [row for row in rows_of(PAGE) if not _LINK.fullmatch(row[0])]
    listed = {name.strip("` ") for row in rows for name in row[0].split(",")}
    assert listed == set(hookline.__all__) - {"hookimpl"}


class Witness:
    """Sees what goes to the upstream, and answers for services that are not there."""

    def __init__(self, answer: dict[str, object] | None = None) -> None:
        self.requests: list[UpstreamRequest] = []
        self._answer = answer

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> UpstreamResponse | None:
        self.requests.append(request)
        if call.action.connector.id == "openai" or self._answer is None:
            return None
        content = orjson.dumps(self._answer)
        return UpstreamResponse(
            status=200, headers=[("content-type", "application/json")], chunks=iter([content])
        )


class Running:
    """A gateway over the sandbox with one example as a plugin."""

    def __init__(self, plugin: object, *more: object, environ: dict[str, str] | None = None) -> None:
        settings = Settings.model_validate({"api_keys": [KEY], "sandbox": True})
        host = load_plugins(settings)
        for number, one in enumerate(more):
            host.register(one, name=f"helper_{number}")
        host.register(plugin, name="example")
        self.witness = Witness({"name": "Ada"})
        host.register(self.witness, name="witness")
        self.gateway = Gateway(settings, host=host, environ=environ or {})
        self.client: FlaskClient = create_app(self.gateway).test_client()

    def run(self, action: str = "openai.chat", **fields: object) -> TestResponse:
        """Run an action as a caller with a key."""
        body = fields or {"model": "sandbox", "prompt": "hello"}
        return self.client.post(f"/actions/{action}", json=body, headers=HEADERS)


def _check_connectors(plugin: object) -> None:
    answer = Running(plugin).run("acme.find_contact", email="ada@example.com")
    assert (answer.status_code, answer.json) == (200, {"name": "Ada", "warnings": []})


def _check_startup(plugin: object) -> None:
    running = Running(plugin, environ={"CLOSED_ACTIONS": "openai.chat"})
    answer = running.run()
    assert answer.status_code == 403
    assert "It is closed for maintenance." in cast("dict[str, str]", answer.json)["message"]
    assert running.run("openai.list_models", search="x").status_code == 200


def _check_catalog_changed(plugin: object) -> None:
    from hookline import Connector

    gateway = Running(plugin).gateway
    before = list(cast("Any", plugin).services)
    gateway.replace_connectors(
        removed=[], added=[Connector("zoo", title="Zoo", base_url="https://zoo.example.com")]
    )
    assert cast("Any", plugin).services == [*before, "zoo"]


def _check_routes(plugin: object) -> None:
    client = Running(plugin).client
    assert client.get("/status").status_code == 401
    assert client.get("/status", headers=HEADERS).data == b"all lights green\n"


def _check_commands(plugin: object) -> None:
    from click.testing import CliRunner

    group = click.Group()
    cast("ModuleType", plugin).hookline_register_commands(group)
    assert CliRunner().invoke(group, ["greet"]).output == "hello\n"


def _check_exports(plugin: object) -> None:
    answer = Running(plugin).client.get("/exports/plain-list", headers=HEADERS)
    assert "openai.chat: Chat with a model\n" in answer.text


def _check_authenticate(plugin: object) -> None:
    running = Running(plugin)
    body = b'{"model": "sandbox", "prompt": "hello"}'
    signature = hmac.new(b"a-signing-key", body, hashlib.sha256).hexdigest()
    statuses = [
        running.client.post(
            "/actions/openai.chat", data=body, headers={**headers, "content-type": "application/json"}
        ).status_code
        for headers in ({"x-acme-signature": signature}, {"x-acme-signature": "wrong"}, HEADERS, {})
    ]
    assert statuses == [200, 401, 200, 401]


def _check_renew(plugin: object) -> None:
    renew = Running(plugin).gateway.host.hook.hookline_renew_principal
    ada, bob = (Principal(key_id=f"acme_{name}") for name in ("ada", "bob"))
    assert renew(principal=bob) is bob
    assert renew(principal=Principal(key_id="static_1")) is None
    with pytest.raises(AuthenticationError):
        renew(principal=ada)


def _check_run_order(plugin: object) -> None:
    running = Running(plugin)
    body = {"model": "sandbox", "prompt": "hello"}
    dry = running.client.post("/actions/openai.chat", json=body, headers={**HEADERS, "x-dry-run": "1"})
    assert dry.data == b"openai.chat was not run\n"
    assert running.witness.requests == []
    assert running.run().status_code == 200


def _check_job_over(plugin: object, caplog: pytest.LogCaptureFixture) -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    job = Job(
        id="job_1",
        tenant="default",
        key_id="k",
        action_id="openai.chat",
        call_id="call_1",
        state="done",
        created_at=at,
        expires_at=at,
    )
    [(_, tell)] = [
        one
        for one in Running(plugin).gateway.host.implementations("hookline_job_over")
        if one[0] == "example"
    ]
    tell(job=job)
    assert "job job_1 of default is over: done" in caplog.text


def _check_authorize(plugin: object) -> None:
    running = Running(plugin)
    assert running.run().status_code == 200
    assert running.run(model="sandbox-large", prompt="hello").status_code == 403


def _check_shape(plugin: object) -> None:
    running = Running(plugin)
    running.run()
    running.run(model="sandbox", prompt="hello", max_completion_tokens=3)
    sent = [cast("dict[str, object]", request.body) for request in running.witness.requests]
    assert [body["max_completion_tokens"] for body in sent] == [500, 3]


def _check_resolve(plugin: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(plugin, "FOLDER", tmp_path)
    running = Running(plugin)
    running.run()
    (tmp_path / "openai").write_text("YOUR_KEY\n")
    running.run()
    sent = [request.headers.get("authorization") for request in running.witness.requests]
    assert sent == [None, "Bearer YOUR_KEY"]


class _OneSecret:
    @hookimpl
    def hookline_resolve_credential(self) -> Secret:
        return Secret("YOUR_KEY", allowed_origins=frozenset({"http://sandbox.invalid:80"}))


class _AcmeTokens:
    """A connector whose service wants access tokens."""

    def __init__(self) -> None:
        credential = OAuth2Credential(token_url="https://tokens.acme.example/token")
        self.connector = Connector(
            "acme", title="Acme", base_url="https://api.acme.example", credential=credential
        )
        self.connector.endpoint("find", "GET", "/contacts", input={}, output={"type": "object"})


def _check_exchange(plugin: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(plugin, "TOKENS", tmp_path)
    (tmp_path / "acme").write_text("TOKEN_OF_ACME\n")
    running = Running(plugin, _OneSecret(), _AcmeTokens())
    assert running.run("acme.find", x="y").status_code == 200
    assert running.witness.requests[0].headers["authorization"] == "Bearer TOKEN_OF_ACME"


def _check_apply(plugin: object) -> None:
    running = Running(plugin, _OneSecret())
    assert running.run().status_code == 200
    assert running.witness.requests[0].headers["api-key"] == "YOUR_KEY"


def _check_execute(plugin: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="acme.timing"):
        assert Running(plugin).run().status_code == 200
    assert [record.name for record in caplog.records if "200 after" in record.getMessage()] == ["acme.timing"]


def _check_process(plugin: object) -> None:
    running = Running(plugin)
    answer = cast("dict[str, object]", running.run().json)
    assert answer["text"] == "SIMULATED ANSWER TO: HELLO"
    body = {"model": "sandbox", "messages": [{"role": "user", "content": "hello"}]}
    wire = running.client.post("/v1/chat/completions", json=body, headers=HEADERS)
    assert wire.json["choices"][0]["message"]["content"] == "SIMULATED ANSWER TO: HELLO"  # type: ignore[index]


def _check_map_error(plugin: object) -> None:
    running = Running(plugin)
    body = {"model": "sandbox-status-503", "prompt": "hello"}
    answer = running.client.post("/actions/openai.chat", json=body, headers=HEADERS)
    assert (answer.status_code, answer.headers["retry-after"]) == (502, "300")


def _check_retry(plugin: object) -> None:
    running = Running(plugin)
    answer = running.run(model="no-such-model", prompt="hello")
    assert answer.status_code == 200
    sent = [cast("dict[str, object]", request.body) for request in running.witness.requests]
    assert [body["model"] for body in sent] == ["no-such-model", "sandbox"]
    told = cast("dict[str, list[dict[str, str]]]", answer.json)["warnings"]
    assert [warning["code"] for warning in told] == ["fallback_model"]


def _check_open_stream(plugin: object) -> None:
    running = Running(plugin)
    for prompt, is_blocked in (("hello", False), ("this is a secret", True)):
        answer = running.run(model="sandbox", prompt=prompt, stream=True)
        assert (b"content_blocked" in answer.data) is is_blocked


def _check_shutdown(plugin: object, tmp_path: Path) -> None:
    running = Running(plugin, environ={"ACME_TRACE": str(tmp_path / "trace.txt")})
    file = cast("Any", plugin)._file
    assert not file.closed
    running.gateway.close()
    assert file.closed


def _check_choose(plugin: object) -> None:
    pipeline = Running(plugin).gateway.pipeline
    order = Order(action_id="openai.chat", fields={"model": "sandbox", "prompt": "hello"})
    urls = {
        tenant: pipeline.prepare(
            Principal(key_id="ada", tenant=tenant, scopes=frozenset({"actions:run"})), order
        ).request.base_url
        for tenant in ("berlin", "oslo")
    }
    assert urls == {"berlin": "https://eu.api.openai.com/v1", "oslo": "http://sandbox.invalid/v1"}


def _check_admit(plugin: object) -> None:
    running = Running(plugin)
    places = cast("Any", plugin)._places
    assert [running.run().status_code for _ in range(3)] == [200, 200, 200]
    places.acquire()
    places.acquire()
    answer = running.run()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


def _check_settle(plugin: object) -> None:
    running = Running(plugin)
    assert running.run(model="sandbox", prompt="hello", max_completion_tokens=50).status_code == 200
    left = cast("Any", plugin)._left
    assert 100_000 - 60 < left < 100_000
    answer = running.run(model="sandbox", prompt="hello", max_completion_tokens=100_000)
    assert answer.status_code == 402
    assert cast("Any", plugin)._left == left


def _check_record(plugin: object) -> None:
    assert Running(plugin).run().status_code == 200
    assert cast("Any", plugin).TOKENS["default"] > 0


CHECKS: dict[str, Callable[..., None]] = {
    "hookline_register_connectors": _check_connectors,
    "hookline_startup": _check_startup,
    "hookline_catalog_changed": _check_catalog_changed,
    "hookline_register_routes": _check_routes,
    "hookline_register_exports": _check_exports,
    "hookline_register_commands": _check_commands,
    "hookline_shutdown": _check_shutdown,
    "hookline_authenticate": _check_authenticate,
    "hookline_renew_principal": _check_renew,
    "hookline_run_order": _check_run_order,
    "hookline_authorize": _check_authorize,
    "hookline_choose_connections": _check_choose,
    "hookline_shape_request": _check_shape,
    "hookline_admit": _check_admit,
    "hookline_resolve_credential": _check_resolve,
    "hookline_exchange_credential": _check_exchange,
    "hookline_apply_upstream_auth": _check_apply,
    "hookline_execute": _check_execute,
    "hookline_retry": _check_retry,
    "hookline_open_stream": _check_open_stream,
    "hookline_process_response": _check_process,
    "hookline_settle": _check_settle,
    "hookline_record_usage": _check_record,
    "hookline_job_over": _check_job_over,
    "hookline_map_error": _check_map_error,
}


def test_an_example_does_what_its_hook_is_for(
    hook_example: Block, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = Path(hook_example.page).stem
    monkeypatch.setenv("ACME_SIGNING_KEY", "a-signing-key")
    module = ModuleType("documented_example")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(hook_example.text, str(hook_example), "exec"), module.__dict__)
    plugin = module.Plugin() if hasattr(module, "Plugin") else module
    check = CHECKS[hook]
    fixtures = [name for name in inspect.signature(check).parameters if name != "plugin"]
    check(plugin, **{name: request.getfixturevalue(name) for name in fixtures})
