"""``GET /usage``: everybody sees their own, and nobody what is another tenant's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert

from fake_clock import START, FakeClock
from hookline import InboundRequest, Principal, hookimpl
from hookline.errors import AuthenticationError, StoreUnavailableError
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.store.tables import USAGE_ROWS
from hookline.usage import Usage
from hookline.webhook.app import create_app
from hookline_ledger import LedgerPlugin, reports
from hookline_ledger.rows import UsageRow, values_of
from small_service import Upstream

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

READER = frozenset({"usage:read"})
ADMIN = frozenset({"usage:read", "usage:admin"})
PRINCIPALS = {
    "a1": Principal(key_id="a1", tenant="acme", scopes=READER),
    "a2": Principal(key_id="a2", tenant="acme", scopes=READER),
    "admin": Principal(key_id="admin", tenant="acme", scopes=ADMIN),
    "b1": Principal(key_id="b1", tenant="beta", scopes=READER),
    "beta-admin": Principal(key_id="beta-admin", tenant="beta", scopes=ADMIN),
    "runner": Principal(key_id="runner", tenant="acme", scopes=frozenset({"actions:run"})),
    "odd": Principal(key_id="odd\n", tenant="acme\n", scopes=ADMIN),
}


class Keys:
    """Knows a caller by the key itself."""

    @hookimpl
    def hookline_authenticate(self, request: InboundRequest) -> Principal:
        found = PRINCIPALS.get(request.headers.get("x-api-key", ""))
        if found is None:
            raise AuthenticationError("No such key.")
        return found


Get = Callable[..., "TestResponse"]


def row(number: int, *, key_id: str, tenant: str, **fields: Any) -> dict[str, object]:
    values: dict[str, Any] = {
        "call_id": f"call_{number}",
        "parent_id": None,
        "at": START - timedelta(hours=1),
        "key_id": key_id,
        "tenant": tenant,
        "end_user": f"user-of-{tenant}",
        "flow": None,
        "action": "openai.chat",
        "door": "action",
        "connection": "openai",
        "model": "gpt-5.4-mini",
        "usage": Usage(input_tokens=10, output_tokens=5, cost_nano_usd=1_000_000),
        "status": 200,
        "error_code": None,
        "attempts": 1,
        "first_byte_s": 0.1,
        "total_s": 0.2,
        "is_stream": False,
        "is_internal": False,
        "took_nothing": False,
    }
    return values_of(UsageRow(**{**values, **fields}))


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    host = PluginHost()
    host.register(Keys(), name="keys")
    host.register(LedgerPlugin(), name="ledger")
    gateway = Gateway(
        Settings(state_dir=tmp_path), host=host, transport=Upstream(), environ={}, clock=FakeClock()
    )
    with gateway.database.begin() as connection:
        connection.execute(
            insert(USAGE_ROWS),
            [
                row(1, key_id="a1", tenant="acme"),
                row(2, key_id="a1", tenant="acme", at=START - timedelta(days=20)),
                row(3, key_id="a2", tenant="acme"),
                row(4, key_id="b1", tenant="beta"),
                row(5, key_id="a1", tenant="beta"),  # the same id in another tenant
            ],
        )
    yield gateway
    gateway.close()


@pytest.fixture
def get(gateway: Gateway) -> Get:
    client = create_app(gateway).test_client()

    def get(caller: str, /, **query: str) -> TestResponse:
        return client.get("/usage", query_string=query, headers={"x-api-key": caller})

    return get


def calls(response: TestResponse) -> int:
    assert response.status_code == 200, response.text
    number: int = response.json["total"]["calls"]  # type: ignore[index]  # it is an object
    return number


def test_a_caller_sees_its_own_rows_of_seven_days(get: Get) -> None:
    response = get("a1")
    assert response.json == {
        "by": "day",
        "since": "2026-11-15T12:00:00Z",
        "until": "2026-11-22T12:00:00Z",
        "groups": [{"day": "2026-11-22", **response.json["total"]}],  # type: ignore[index]  # it is an object
        "total": {
            "calls": 1,
            "inner_calls": 0,
            "errors": 0,
            "input_tokens": 10,
            "output_tokens": 5,
            "cached_tokens": 0,
            "reasoning_tokens": 0,
            "cost_usd": 0.001,
            "without_cost": 0,
            "estimated": 0,
        },
        "truncated": False,
    }
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("key", "query", "expected"),
    [
        ("a1", {}, 1),
        ("a1", {"since": "30d"}, 2),
        ("a1", {"since": "30d", "until": "2026-11-10"}, 1),
        ("a1", {"key": "a1", "all": "false"}, 1),
        ("a2", {"since": "30d"}, 1),
        ("admin", {}, 0),
        ("admin", {"all": "true"}, 2),
        ("admin", {"tenant": "acme"}, 2),
        ("admin", {"key": "a2"}, 1),
        ("admin", {"key": "a2", "all": "true"}, 1),
        ("admin", {"key": "b1"}, 0),
        ("admin", {"key": "b1", "tenant": "beta"}, 0),
        ("admin", {"tenant": "beta"}, 0),
        ("beta-admin", {"all": "true"}, 2),
        ("beta-admin", {"key": "a1"}, 1),
        ("odd", {"all": "true"}, 0),
    ],
)
def test_everybody_sees_what_is_theirs(get: Get, key: str, query: dict[str, str], expected: int) -> None:
    """S10: whatever is asked for, the answer stays within the caller's tenant."""
    assert calls(get(key, **query)) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"all": "true"}, "all"),
        ({"key": "a2"}, "key"),
        ({"key": "b1"}, "key"),
        ({"key": "unknown"}, "key"),
        ({"tenant": "acme"}, "tenant"),
        ({"tenant": "beta", "all": "1"}, "tenant"),
        ({"key": "a1", "tenant": "acme", "all": "true"}, "tenant"),
    ],
)
def test_who_may_see_only_its_own_is_told_so(get: Get, query: dict[str, str], field: str) -> None:
    """S10: neither its own numbers, which would be taken for those of all, nor zeros."""
    response = get("a1", **query)
    told = response.json
    assert told is not None
    assert (response.status_code, told["field"]) == (403, field)
    assert "usage:admin" in told["detail"]
    assert "total" not in told


@pytest.mark.parametrize("key", ["a1", "admin"])
def test_what_is_another_s_looks_like_what_does_not_exist(get: Get, key: str) -> None:
    """S10: the answers for another tenant's key and for an unknown key are the same."""

    def told(**query: str) -> str:
        return str({**(get(key, **query).json or {}), "instance": None})

    others = ("b1", "unknown", "beta-admin", "%", "", "a_")
    assert len({told(key=other, since="30d") for other in others}) == 1
    assert len({told(tenant=other, by="user") for other in ("beta", "unknown", "", "%")}) == 1


def test_an_admin_is_told_how_the_worker_gets_on(get: Get) -> None:
    assert get("admin").json["worker"] == {"written": 0, "waiting": 0, "dropped": 0}  # type: ignore[index]
    assert "worker" not in get("a1").json  # type: ignore[operator]  # it is an object


def test_the_scope_is_needed(get: Get) -> None:
    assert get("runner").status_code == 403
    assert get("nobody").status_code == 401


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"by": "modle"}, "by"),
        ({"by": ""}, "by"),
        ({"since": "soon"}, "since"),
        ({"until": "2026-02-30"}, "until"),
        ({"since": "1d", "until": "2d"}, "until"),
        ({"all": "maybe"}, "all"),
        ({"form": "json"}, "form"),
        ({"keys": "a2"}, "keys"),
        ({"tenant_id": "beta"}, "tenant_id"),
    ],
)
@pytest.mark.parametrize("key", ["a1", "admin"])
def test_a_parameter_that_cannot_be_read_is_named(
    get: Get, key: str, query: dict[str, str], field: str
) -> None:
    """S9: an unknown parameter is refused rather than passed over."""
    response = get(key, **query)
    assert response.status_code == 422
    assert response.json["field"] == field  # type: ignore[index]  # it is an object
    assert "/actions" not in response.json["hint"]  # type: ignore[index]  # it is an object


@pytest.mark.parametrize("text", ["' OR 1=1 --", "%", "\x00", "\ud83d", "a" * 5000, "[red]", "\x1b[2J"])
@pytest.mark.parametrize("name", ["tenant", "key", "by", "since"])
def test_metacharacters_open_nothing(get: Get, name: str, text: str) -> None:
    """S6: parameters are values."""
    response = get("admin", **{name: text.encode("utf-8", "replace").decode()})
    if name in ("tenant", "key"):
        assert calls(response) == 0
    else:
        assert response.status_code == 422
        assert len(response.data) < 3000


def test_groups_are_bounded_and_the_sum_is_not(gateway: Gateway, get: Get) -> None:
    """S30: an answer does not grow with the number of names that a caller made up."""
    with gateway.database.begin() as connection:
        connection.execute(
            insert(USAGE_ROWS),
            [row(100 + n, key_id="a2", tenant="acme", end_user=f"user-{n}") for n in range(1500)],
        )
    response = get("a2", by="user")
    told = response.json
    assert told is not None
    assert (len(told["groups"]), told["truncated"], told["total"]["calls"]) == (1000, True, 1501)


def test_a_few_askers_do_not_take_the_whole_database(
    get: Get, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S30: two questions run at a time; who waits too long is told to come back."""
    monkeypatch.setattr("hookline_ledger.views._WAIT_S", 0.05)
    hold, began, statuses = threading.Event(), threading.Semaphore(0), []
    real = reports.answer

    def slow(*arguments: Any, **options: Any) -> object:
        began.release()
        hold.wait(20)
        return real(*arguments, **options)

    monkeypatch.setattr(reports, "answer", slow)
    threads = [threading.Thread(target=lambda: statuses.append(get("a1").status_code)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert began.acquire(timeout=10)
    refused = get("a1")
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    hold.set()
    for thread in threads:
        thread.join(20)
    assert statuses == [200, 200]
    assert get("a1").status_code == 200


def test_a_database_that_cannot_be_used_is_503(
    get: Get, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S37: never an answer that says that nothing was used."""

    def fail(**_: object) -> None:
        raise StoreUnavailableError("The database took too long.")

    monkeypatch.setattr(gateway.database, "connect", fail)
    for _ in range(4):
        assert get("a1").status_code == 503


def test_times_are_those_of_the_gateway_s_clock(get: Get) -> None:
    told = get("a1", since="24h").json
    assert told is not None
    assert datetime.fromisoformat(told["until"]) == START
