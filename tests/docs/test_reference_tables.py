"""Tables of the reference against the code: errors, settings, routes, actions, faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args, get_origin

import annotated_types
import pytest
from pydantic import BaseModel

from hookline import errors
from hookline.connections import look_up
from hookline.errors import HooklineError
from hookline.gateway import Gateway
from hookline.settings import ENVIRONMENT, ConnectionSettings, Settings
from hookline.webhook.app import create_app

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from pydantic.fields import FieldInfo

Rows = Callable[[str], list[list[str]]]
KEY = "a-key-for-tests-only-0001"
HEADERS = {"authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def running() -> Iterator[Gateway]:
    """A gateway over the sandbox with every bundled plugin."""
    retries = {"max_total_s": 0.5, "first_wait_s": 0.01, "share_waits": False}  # each call for itself
    plugins = {"retry": retries}
    settings = Settings.model_validate({"api_keys": [KEY], "sandbox": True, "plugins": plugins})
    gateway = Gateway(settings, environ={})
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
def client(running: Gateway) -> FlaskClient:
    """A client of it, without a network."""
    return create_app(running).test_client()


# ---------------------------------------------------------------- errors


def _classes() -> list[type[HooklineError]]:
    return [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, HooklineError)
    ]


def test_the_table_of_errors_equals_the_classes(rows_of: Rows) -> None:
    names = {f"`{one.__name__}`" for one in _classes()}
    shown = [row for row in rows_of("docs/reference/errors.md") if row[0] in names]
    assert shown == [
        [
            f"`{one.__name__}`",
            str(one.status),
            f"`{one.code}`",
            "yes" if one.retryable else "no",
            str(one.__doc__).splitlines()[0],
        ]
        for one in _classes()
    ]


def test_every_code_of_the_table_has_a_page(client: FlaskClient) -> None:
    statuses = {one.code: client.get(f"/problems/{one.code}").status_code for one in _classes()}
    assert set(statuses.values()) == {200}


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("status-405", 400, "request_rejected"),
        ("status-401", 502, "upstream_credential_rejected"),
        ("status-402", 402, "insufficient_quota"),
        ("status-403", 502, "upstream_forbidden"),
        ("status-404", 400, "model_not_found"),
        ("status-408", 504, "upstream_timeout"),
        ("status-504", 504, "upstream_timeout"),
        ("status-409", 502, "upstream_conflict"),
        ("status-413", 413, "request_rejected"),
        ("status-422", 422, "request_rejected"),
        ("status-500", 502, "upstream_unavailable"),
        ("status-503", 502, "server_is_overloaded"),
        ("redirect", 502, "invalid_upstream_answer"),
        ("html", 502, "invalid_upstream_answer"),
        ("empty", 502, "invalid_upstream_answer"),
        ("malformed", 502, "invalid_upstream_answer"),
        ("429", 429, "rate_limit_exceeded"),
        ("429-slow-down", 429, "slow_down"),
        ("429-too-large", 400, "request_too_large"),
        ("billing", 402, "insufficient_quota"),
        ("billing_not_active", 402, "billing_not_active"),
        ("credit_balance_exhausted", 402, "credit_balance_exhausted"),
        ("project_spend_limit_exceeded", 402, "project_spend_limit_exceeded"),
    ],
)
def test_refusals_become_what_the_page_says(
    client: FlaskClient, rows_of: Rows, fault: str, status: int, code: str
) -> None:
    answer = client.post(
        "/actions/openai.chat",
        json={"model": "sandbox", "prompt": "hello"},
        headers={**HEADERS, "x-sandbox-fault": fault},
    )
    body = cast("dict[str, dict[str, object]]", answer.json)
    assert (answer.status_code, body["error"]["code"]) == (status, code)
    assert ("retry-after" in answer.headers) == (status == 429)
    assert any(code in " ".join(row) for row in rows_of("docs/reference/errors.md"))


@pytest.mark.parametrize(
    ("fault", "should_retry"), [("429", "true"), ("429-too-large", "false"), ("billing", "false")]
)
def test_the_three_families_of_429_keep_their_status_on_the_wire(
    client: FlaskClient, fault: str, should_retry: str
) -> None:
    answer = client.post(
        "/v1/chat/completions",
        json={"model": "sandbox", "messages": [{"role": "user", "content": "hello"}]},
        headers={**HEADERS, "x-sandbox-fault": fault},
    )
    assert (answer.status_code, answer.headers["x-should-retry"]) == (429, should_retry)


# ---------------------------------------------------------------- settings


def _settings(model: type[BaseModel] = Settings, path: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """Yield what the rows of the settings page have to be."""
    variables = {where: variable for variable, where in ENVIRONMENT.items()}
    for name, info in model.model_fields.items():
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _settings(annotation, (*path, name))
        elif name != "connections":
            where = (*path, name)
            yield [
                f"`{'.'.join(where)}`",
                f"`{variables.pop(where, '')}`",
                f"`{_as_toml(info.default)}`",
                _range(info),
                str(info.description),
            ]


def _as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return "[]" if value == () else str(value)


def _range(info: FieldInfo) -> str:
    if get_origin(info.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(info.annotation))
    words = []
    for bound in info.metadata:
        match bound:
            case annotated_types.Ge(ge=value):
                words.append(f"at least {value}")
            case annotated_types.Gt(gt=value):
                words.append(f"more than {value}")
            case annotated_types.Le(le=value):
                words.append(f"at most {value}")
    return ", ".join(words)


def test_the_tables_of_settings_equal_the_models(rows_of: Rows) -> None:
    shown = [row for row in rows_of("docs/reference/settings.md") if len(row) == 5]
    assert sorted(shown) == sorted(_settings())


def test_every_variable_is_on_the_page(rows_of: Rows) -> None:
    shown = {row[1].strip("`") for row in rows_of("docs/reference/settings.md") if len(row) == 5}
    assert shown == set(ENVIRONMENT)


def test_members_of_a_connection_are_those_of_the_model(rows_of: Rows) -> None:
    shown = [row[0].strip("`") for row in rows_of("docs/reference/settings.md") if len(row) == 4]
    assert shown == [*ConnectionSettings.model_fields, "an option of the connector"]


def test_the_openai_connection_is_looked_up_in_the_order_of_the_page(running: Gateway, rows_of: Rows) -> None:
    connector = running.catalog.connectors["openai"]
    rows = {row[0]: re.findall(r"`([^`]+)`", row[1]) for row in rows_of("docs/reference/settings.md")}
    for title, setting in (("Base URL", "base_url"), ("Credential", "api_key")):
        own, in_file, fallback = rows[title][:3]
        environ = {own: "from own", fallback: "from fallback"}
        assert look_up(connector, setting, "from file", environ) == ("from own", own)
        environ.pop(own)
        assert look_up(connector, setting, "from file", environ) == ("from file", in_file)
        assert look_up(connector, setting, None, environ) == ("from fallback", fallback)
    assert rows["Base URL"][-1] == connector.base_url


# ---------------------------------------------------------------- HTTP


def test_the_table_of_routes_equals_the_routes(running: Gateway, rows_of: Rows) -> None:
    def path(text: str) -> str:
        return re.sub(r"<(?:path:)?(\w+)>", r"{\1}", text)

    real = [
        [f"`{one.method} {path(one.path)}`", "public" if one.is_public else f"`{one.scope}`", one.plugin]
        for one in running.routes
    ]
    shown = [row[:3] for row in rows_of("docs/reference/http.md") if re.match(r"`[A-Z]+ /", row[0])]
    assert shown == real


# ---------------------------------------------------------------- actions


def test_actions_have_the_fields_of_their_page(running: Gateway, root: Path) -> None:
    text = (root / "docs/reference/actions.md").read_text("utf-8")
    sections = re.findall(r"<!-- (input|output): (\S+) -->\n((?:\|.*\n)+)", text)
    assert [(kind, id) for kind, id, _ in sections] == [
        (kind, id) for id in re.findall(r"(?m)^## `(.+)`$", text) for kind in ("input", "output")
    ]
    for kind, id, table in sections:
        action = running.catalog.find(id)
        schema = action.input_schema if kind == "input" else action.output_schema
        properties = cast("dict[str, dict[str, object]]", schema["properties"])
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
        names = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]
        assert set(names) <= set(properties), id
        if kind == "output":
            assert set(names) == set(properties) - {"raw"}, id
            continue
        required = set(cast("list[str]", schema.get("required", [])))
        assert {name for name, row in zip(names, rows, strict=True) if row[2] == "yes"} == required, id
        for name, row in zip(names, rows, strict=True):
            if bounds := re.search(r", (-?\d+) to (-?\d+)$", row[1]):
                limits = properties[name]["minimum"], properties[name]["maximum"]
                assert limits == (int(bounds[1]), int(bounds[2])), f"{id}: {name}"


def test_the_list_of_actions_equals_the_catalog(running: Gateway, rows_of: Rows) -> None:
    shown = {
        row[0].strip("`"): row[2:] for row in rows_of("docs/reference/actions.md") if row[0][1:8] == "openai."
    }
    word = {True: "yes", False: "no"}
    assert shown == {
        one.id: [word[one.stream is not None], word[one.is_read_only]]
        for one in running.catalog
        if one.connector.id == "openai"
    }


def test_the_table_of_faults_equals_the_faults_of_the_sandbox(rows_of: Rows) -> None:
    from hookline_sandbox.faults import FAULTS

    rows = rows_of("docs/how-to/provoke-failures.md")
    assert rows[: len(FAULTS)] == [[f"`{kind.name}`", kind.summary] for kind in FAULTS]
