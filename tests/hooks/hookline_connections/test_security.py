"""Where requests and credentials go, whatever callers, plugins and intruders in the database do."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connections_lab import Lab, open_lab
from hookline import UpstreamRequest, hookimpl
from hookline.errors import UpstreamUnavailableError
from hookline_secret_files import SecretFilesPlugin
from small_service import whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVIL = "evil.example"
CANARY = "sk-canary-0123456789"

# ---------------------------------------------------------------- S1: what callers send

_URLS = st.sampled_from(
    [
        f"https://{EVIL}",
        f"https://{EVIL}/v1",
        f"//{EVIL}",
        f"@{EVIL}",
        f"https://main.example@{EVIL}",
        f"\\\\{EVIL}",
        f"main.example\r\nhost: {EVIL}",
        "http://127.0.0.1:1",
        "http://169.254.169.254/latest/meta-data",
        "../../..",
        "file:///etc/passwd",
        "main",
        "bob/main",
        f"bob/{EVIL}",
    ]
)
_FIELDS = st.sampled_from(
    [
        "base_url", "api_base", "baseUrl", "url", "custom_host", "host", "origin", "connection",
        "connections", "provider", "endpoint", "credential_ref", "tenant", "extra_body", "options",
        "model", "text",
    ]
)  # fmt: skip
_HEADERS = st.sampled_from(
    [
        "host", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-base-url", "x-portkey-custom-host",
        "x-hookline-connection", "x-hookline-base-url", "x-original-url", "x-organization", "x-connection",
    ]
)  # fmt: skip
_VALUES = st.recursive(
    _URLS | st.text(max_size=20) | st.integers() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_FIELDS | st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One gateway for all examples: `main` of the operator, one of another tenant, and none of the caller."""
    lab = open_lab(state_dir=tmp_path_factory.mktemp("state"))
    lab.add("main")
    lab.add("theirs", tenant="bob", host="bob.example")
    yield lab
    lab.gateway.close()


@settings(max_examples=300)
@given(
    body=st.dictionaries(_FIELDS | st.text(max_size=8), _VALUES, max_size=6),
    headers=st.dictionaries(_HEADERS, _URLS, max_size=4),
    query=st.dictionaries(_FIELDS, _URLS, max_size=3),
    path=st.sampled_from(["acme.ask", "acme.say", "acme.look", "acme.probe"]),
)
def test_no_input_of_a_caller_changes_where_a_request_or_a_credential_goes(
    shared_lab: Lab, body: dict[str, Any], headers: dict[str, str], query: dict[str, str], path: str
) -> None:
    """S1: body, query and headers, nested, with the names that other gateways listen to."""
    lab = shared_lab
    lab.service.sent.clear()
    lab.requests.clear()
    address = f"/actions/{path}?" + "&".join(f"{name}={quote(value)}" for name, value in query.items())
    clean = {name: value for name, value in headers.items() if value.isprintable()}

    reply = lab.client.post(
        address,
        data=json.dumps(body),
        content_type="application/json",
        headers={"x-api-key": "ada", **clean},
    )

    assert reply.status_code < 500
    assert set(lab.service.sent) <= {("main.example", "sk-shared-main")}
    for request in lab.requests:
        assert request.url.startswith("https://main.example/v1/")
        assert "host" not in request.headers


@settings(max_examples=100)
@given(id=st.text(min_size=1, max_size=40) | _URLS)
def test_no_part_of_an_address_changes_its_origin(shared_lab: Lab, id: str) -> None:
    """S1: an input field that becomes a part of the path."""
    lab = shared_lab
    lab.requests.clear()
    lab.client.post("/actions/acme.look", json={"id": id}, headers={"x-api-key": "ada"})

    for request in lab.requests:
        assert request.url.startswith("https://main.example/v1/things/")
        assert "/../" not in request.url


# ---------------------------------------------------------------- S2: where a credential goes


def test_a_redirect_is_not_followed_and_takes_no_credential_along(lab: Lab) -> None:
    """S2."""
    lab.add("main")
    lab.add("other", priority=1)
    lab.service.scripts["main.example"] = [
        lambda request: whole({}, status=307, location=f"https://{EVIL}/v1/say")
    ]

    assert lab.tell()[0] == 502
    assert lab.service.hosts == ["main.example"]


class Redirector:
    """A plugin that sends requests elsewhere."""

    def __init__(self, hook: str) -> None:
        self._hook = hook

    @hookimpl
    def hookline_shape_request(self, request: UpstreamRequest) -> None:
        if self._hook == "shape":
            request.base_url = f"https://{EVIL}"

    @hookimpl(tryfirst=True)
    def hookline_apply_upstream_auth(self, request: UpstreamRequest) -> None:
        if self._hook == "sign":
            request.base_url = f"https://{EVIL}"


@pytest.mark.parametrize("hook", ["shape", "sign"])
def test_a_plugin_that_rewrites_the_address_stops_the_call(make_lab: Any, hook: str) -> None:
    """S2: no request and no credential reaches the other origin."""
    lab = make_lab(plugins=(Redirector(hook),))
    lab.add("main")

    assert lab.tell()[0] == 500
    assert lab.service.sent == []


TAMPERED = [
    "UPDATE connections SET base_url = 'https://evil.example/v1'",
    "UPDATE connections SET base_url = 'https://evil.example/v1', "
    "allowed_origins = '[\"https://evil.example:443\"]'",
    'UPDATE connections SET allowed_origins = \'["https://main.example:443", "https://evil.example:443"]\'',
    "UPDATE connections SET allowed_origins = 'garbage'",
    "UPDATE connections SET tenant = 'ada'",
    "UPDATE connections SET name = 'other'",
    "UPDATE connections SET secret = NULL, credential_ref = 'file:/etc/hostname'",
    "UPDATE connections SET credential_ref = 'file:/etc/hostname'",
    "UPDATE connections SET secret = x'00'",
    "UPDATE connections SET secret = substr(secret, 1, 30)",
]


@pytest.mark.parametrize("statement", TAMPERED)
@pytest.mark.parametrize("kind", ["stored", "reference"])
def test_a_row_that_was_changed_in_the_database_loses_its_credential(
    make_lab: Any, caller: Any, tmp_path: Path, statement: str, kind: str
) -> None:
    """S2: who may write to the database cannot make the gateway send a credential to another place."""
    file = tmp_path / "key"
    file.write_text(CANARY)
    lab = make_lab(plugins=(SecretFilesPlugin(),), environ={"ACME_API_KEY": "sk-of-the-settings"})
    kept = {"secret": CANARY} if kind == "stored" else {"secret": None, "credential_ref": f"file:{file}"}
    lab.add("main", **kept)
    assert lab.tell(caller("ada")) == (200, "from main.example")
    assert lab.service.sent == [("main.example", CANARY)]
    lab.service.sent.clear()

    lab.sql(statement)
    status, _ = lab.tell(caller("ada"))

    sent = [host for host, credential in lab.service.sent if credential is not None]
    assert EVIL not in lab.service.hosts
    assert sent in ([], ["api.acme.example"])  # of the settings, if the row cannot be used at all
    assert ("main.example", CANARY) not in lab.service.sent
    assert status in (200, 403, 502)


def test_a_ciphertext_that_was_moved_to_another_row_does_not_open(lab: Lab, caller: Any) -> None:
    """S2, S10: a tenant's row with the operator's ciphertext in it is of no use to the tenant."""
    lab.add("main", secret=CANARY)
    lab.add("main", tenant="ada", host="ada.example", secret="sk-of-ada")
    lab.sql(
        "UPDATE connections SET secret = (SELECT secret FROM connections WHERE tenant = '') "
        "WHERE tenant = 'ada'"
    )

    assert lab.tell(caller("ada")) == (502, "credential_unreadable")
    assert lab.service.sent == []
    assert lab.tell(caller("bob")) == (200, "from main.example")


def test_a_base_url_within_the_sealed_origins_may_change(lab: Lab) -> None:
    lab.add("main", more_origins=("https://second.example",))
    lab.sql("UPDATE connections SET base_url = 'https://second.example/v9'")

    assert lab.tell() == (200, "from second.example")


def test_moving_to_another_connection_takes_that_one_s_credential_only(lab: Lab) -> None:
    """S2: each attempt is signed anew."""
    lab.add("a", secret="sk-of-a")
    lab.add("b", priority=1, secret=None)
    lab.service.scripts["a.example"] = [lab.refuse(401)]

    assert lab.tell() == (200, "from b.example")
    assert lab.service.sent == [("a.example", "sk-of-a"), ("b.example", None)]


def test_only_a_connection_that_was_chosen_for_the_call_gets_its_credential(lab: Lab, caller: Any) -> None:
    """S2: a copy with another address, or another tenant's, gets nothing."""
    from dataclasses import replace

    from hookline.order import Order

    lab.add("main", tenant="ada", secret=CANARY)
    lab.add("main", tenant="bob", secret="sk-of-bob")
    prepared = lab.gateway.pipeline.prepare(caller("ada"), Order(action_id="acme.say", fields={"text": "hi"}))
    call = prepared.call
    theirs = lab.gateway.pipeline.prepare(
        caller("bob"), Order(action_id="acme.say", fields={"text": "hi"})
    ).call
    copy = replace(call.connection, base_url=f"https://{EVIL}/", origin=f"https://{EVIL}:443")

    opened = lab.office.open(call, call.connection)
    assert opened is not None
    assert opened.reveal() == CANARY
    assert lab.office.open(call, copy) is None
    assert lab.office.open(call, theirs.connection) is None


# ---------------------------------------------------------------- S23, S36: secrets show nowhere


def test_a_canary_is_in_no_log_answer_repr_or_file(
    make_lab: Any, caller: Any, operator: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """S23: stored, used, refused, unreadable, rotated and removed, with logging at DEBUG."""
    answers: list[str] = []
    with caplog.at_level(logging.DEBUG):
        lab = make_lab(retry=True)
        made = lab.post("/connections", {"name": "own", "connector": "acme", "credential": CANARY})
        wrong = lab.post("/connections", {"name": "own2", "connector": "acme", "credential": CANARY + " x"})
        lab.add("main", secret=CANARY)
        answers += [made.text, wrong.text, lab.get("/connections").text]

        def unreachable(request: UpstreamRequest) -> Any:
            raise UpstreamUnavailableError("No connection.", reached_upstream=False)

        for script in ([], [unreachable], [lab.refuse(401)], [lab.refuse(500)], [lambda request: 1 / 0]):
            lab.clock.advance(1000)
            for host in ("api.acme.example", "main.example"):
                lab.service.scripts[host] = list(script)
            for principal in (caller("ada"), caller("bob")):
                reply = lab.say(principal)
                answers.append(f"{reply.headers} {reply.content!r}")
            answers.append(lab.post("/connections/test", {"connection": "own"}).text)
        lab.service.scripts.clear()
        answers.append(lab.post("/connections/own/rotate", {"credential": f"{CANARY}-2"}).text)
        lab.sql("UPDATE connections SET name = 'moved' WHERE name = 'own'")
        answers.append(str(lab.tell(caller("ada"))))
        shown = repr(
            [vars(lab.office), vars(lab.office.book), lab.office.book.current(), lab.office.keys.load()]
        )
        shown += repr([vars(lab.office._opener), lab.desk.table.read()])
        answers.append(lab.delete("/connections/moved").text)
        lab.gateway.close()

    assert len(lab.service.sent) > 10
    assert CANARY not in caplog.text
    assert not any(CANARY in answer for answer in answers)
    assert CANARY not in shown
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert CANARY.encode() not in file.read_bytes(), file
