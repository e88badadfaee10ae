"""The plugin in a gateway: a row for every call, however it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from fake_clock import START, FakeClock
from hookline import Call, Connection, Decision, UpstreamRequest, hookimpl
from hookline.errors import BudgetExhaustedError, StoreUnavailableError
from hookline.order import Order
from hookline.record import CallRecord
from hookline.settings import Settings
from hookline.store.database import Database
from hookline.store.tables import USAGE_ROWS
from hookline.upstream import UpstreamResponse
from hookline.usage import Usage
from hookline.webhook.app import create_app
from hookline_ledger import LedgerPlugin
from hookline_ledger.ledger import DatabaseRows
from hookline_ledger.options import LedgerOptions
from hookline_ledger.rows import UsageRow, make_row
from small_service import (
    BASE_URL,
    CALLER,
    DONE,
    Acme,
    Body,
    event,
    make_connector,
    make_gateway,
    say,
    say_on_the_wire,
    streamed,
    whole,
)

if TYPE_CHECKING:
    from hookline.gateway import Gateway

Answer = Callable[[UpstreamRequest], UpstreamResponse]


class FixedMeter:
    """Knows a price of 2 nano-dollars a token, for the model ``known``."""

    def model(self, request: UpstreamRequest) -> str | None:
        return "known"

    def estimate(self, call: Call, request: UpstreamRequest) -> Usage:
        return Usage(input_tokens=100, output_tokens=100)

    def read(self, call: Call, answer: object) -> Usage | None:
        usage = answer.get("usage") if isinstance(answer, dict) else None
        return None if usage is None else Usage(input_tokens=usage[0], output_tokens=usage[1])

    def price(self, call: Call, usage: Usage, model: str | None) -> int | None:
        return 2 * usage.tokens if model == "known" else None

    def bound(self, call: Call, request: UpstreamRequest, caps: object) -> None:
        pass


def metered() -> Acme:
    connector = make_connector()
    object.__setattr__(connector.actions["acme.say"], "meter", FixedMeter())
    return Acme(connector)


def close_and_read(gateway: Gateway) -> list[dict[str, Any]]:
    """Close the gateway, which writes what waits, and return its rows."""
    gateway.close()
    database = Database(None, state_dir=gateway.state_dir)
    with database.connect() as connection:
        rows = connection.execute(select(USAGE_ROWS).order_by(USAGE_ROWS.c.id)).mappings().all()
    database.close()
    return [dict(row) for row in rows]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path)


def test_a_gateway_without_a_call_has_no_thread_and_no_file(settings: Settings) -> None:
    before = {thread.name for thread in threading.enumerate()}
    gateway = make_gateway(LedgerPlugin(), settings=settings)
    gateway.close()
    assert "hookline-ledger" not in {thread.name for thread in threading.enumerate()} - before
    assert settings.state_dir is not None
    assert list(settings.state_dir.iterdir()) == []


def test_a_call_has_a_row(settings: Settings) -> None:
    gateway = make_gateway(
        LedgerPlugin(),
        settings=settings,
        service=metered(),
        answer=lambda request: whole({"text": "secret answer", "usage": [7, 5]}),
    )
    order = Order(
        action_id="acme.say",
        fields={"text": "secret prompt"},
        headers={"x-hookline-flow": "invoices"},
        call_id="call_1",
    )
    assert gateway.runner.run(CALLER, order).status == 200
    (row,) = close_and_read(gateway)
    assert abs(row.pop("at_us") / 1e6 - time.time()) < 60
    assert 0 <= row.pop("first_byte_ms") <= row.pop("total_ms") < 60_000
    assert row == {
        "id": 1,
        "call_id": "call_1",
        "parent_id": None,
        "key_id": "caller",
        "tenant": "default",
        "end_user": None,
        "flow": "invoices",
        "action": "acme.say",
        "door": "action",
        "connection": "acme",
        "model": "known",
        "input_tokens": 7,
        "output_tokens": 5,
        "cached_tokens": None,
        "reasoning_tokens": None,
        "cost_nano_usd": 24,
        "is_estimated": False,
        "status": 200,
        "error_code": None,
        "attempts": 1,
        "is_stream": False,
        "is_internal": False,
    }


def test_no_text_of_a_call_is_kept(settings: Settings) -> None:
    """S23: neither prompts nor answers are in the database, in no file of it."""
    gateway = make_gateway(
        LedgerPlugin(), settings=settings, answer=lambda request: whole({"text": "canary-answer"})
    )
    gateway.runner.run(CALLER, say("canary-prompt"))
    wrong = Order(action_id="acme.say", fields={"text": ["canary-wrong-type"]}, call_id="call_2")
    gateway.runner.run(CALLER, wrong)
    assert len(close_and_read(gateway)) == 2
    assert settings.state_dir is not None
    for file in settings.state_dir.iterdir():
        assert b"canary" not in file.read_bytes()


class Deny:
    @hookimpl
    def hookline_authorize(self) -> Decision:
        return Decision(allow=False)


class Broke:
    @hookimpl
    def hookline_admit(self) -> None:
        raise BudgetExhaustedError("The budget is used up.")


@pytest.mark.parametrize(
    ("plugins", "order", "status", "code"),
    [
        ([Deny()], say(), 403, "permission_denied"),
        ([Broke()], say(), 402, "budget_exhausted"),
        ([], say(times=0), 422, "invalid_input"),
    ],
)
def test_a_call_that_was_refused_has_a_row_and_cost_nothing(
    settings: Settings, plugins: list[object], order: Order, status: int, code: str
) -> None:
    gateway = make_gateway(LedgerPlugin(), *plugins, settings=settings)
    assert gateway.runner.run(CALLER, order).status == status
    (row,) = close_and_read(gateway)
    assert (row["status"], row["error_code"], row["attempts"]) == (status, code, 0)
    assert (row["input_tokens"], row["cost_nano_usd"]) == (0, 0)


def test_a_call_that_the_service_refused_has_a_row(settings: Settings) -> None:
    gateway = make_gateway(
        LedgerPlugin(), settings=settings, service=metered(), answer=lambda request: whole({}, status=400)
    )
    gateway.runner.run(CALLER, say())
    (row,) = close_and_read(gateway)
    assert (row["status"], row["attempts"]) == (400, 1)
    assert row["error_code"]
    assert (row["input_tokens"], row["cost_nano_usd"]) == (0, 0)


def test_without_a_meter_nobody_knows_what_a_call_took(settings: Settings) -> None:
    gateway = make_gateway(LedgerPlugin(), settings=settings)
    gateway.runner.run(CALLER, say())
    (row,) = close_and_read(gateway)
    assert (row["status"], row["input_tokens"], row["cost_nano_usd"]) == (200, None, None)


def test_a_stream_has_its_row_when_it_is_over(settings: Settings) -> None:
    gateway = make_gateway(
        LedgerPlugin(), settings=settings, answer=lambda request: streamed(Body([event("a"), DONE]))
    )
    reply = gateway.runner.run(CALLER, say_on_the_wire(b'{"text": "hi", "stream": true}'))
    assert not isinstance(reply.content, bytes)
    assert b"".join(reply.content)
    (row,) = close_and_read(gateway)
    assert (row["status"], row["error_code"], row["is_stream"], row["door"]) == (200, None, True, "wire")


def test_a_stream_that_breaks_keeps_its_status_and_has_an_error(settings: Settings) -> None:
    gateway = make_gateway(
        LedgerPlugin(), settings=settings, answer=lambda request: streamed(Body([event("a")]))
    )
    reply = gateway.runner.run(CALLER, say_on_the_wire(b'{"text": "hi", "stream": true}'))
    assert b"".join(reply.content)  # type: ignore[arg-type]  # a stream
    (row,) = close_and_read(gateway)
    assert (row["status"], row["error_code"]) == (200, "stream_interrupted")


def test_a_client_that_leaves_has_a_row_too(settings: Settings) -> None:
    gateway = make_gateway(
        LedgerPlugin(),
        settings=settings,
        answer=lambda request: streamed(Body([event("a"), event("b"), event("c"), DONE])),
    )
    reply = gateway.runner.run(CALLER, say_on_the_wire(b'{"text": "hi", "stream": true}'))
    next(reply.content)  # type: ignore[arg-type]  # a stream
    reply.content.close()  # type: ignore[union-attr]  # a generator
    (row,) = close_and_read(gateway)
    assert row["is_stream"] is True
    assert row["status"] == 200


class AsksTwice:
    """Runs two calls inside every call from outside: one for its caller, one for the gateway."""

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call) -> None:
        if call.parent is None:
            call.run("acme.say", {"text": "one"})
            call.run("acme.say", {"text": "two"}, as_gateway=True)


def test_calls_inside_a_call_have_rows_of_their_own(settings: Settings) -> None:
    gateway = make_gateway(
        LedgerPlugin(),
        AsksTwice(),
        settings=settings,
        service=metered(),
        answer=lambda request: whole({"text": "x", "usage": [1, 1]}),
    )
    assert gateway.runner.run(CALLER, say()).status == 200
    rows = close_and_read(gateway)
    assert sorted((row["parent_id"] or "", row["is_internal"], row["cost_nano_usd"]) for row in rows) == [
        ("", False, 4),
        ("call_1", False, 4),
        ("call_1", True, 4),
    ]
    assert len({row["call_id"] for row in rows}) == 3


def test_rows_can_be_switched_off(settings: Settings, tmp_path: Path) -> None:
    gateway = make_gateway(LedgerPlugin(), settings=settings, environ={"HOOKLINE_PLUGIN1_ENABLED": "false"})
    gateway.runner.run(CALLER, say())
    gateway.close()
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_down_fails_no_call_and_turns_readiness_red(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S37: calls go on, the rows are kept, and written when the database is back."""
    gateway = make_gateway(LedgerPlugin(), settings=settings)
    working = gateway.database.begin

    def fail(**_: object) -> None:
        raise StoreUnavailableError("The database cannot be reached.")

    client = create_app(gateway).test_client()
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr(gateway.database, "begin", fail)
    for number in range(5):
        order = Order(action_id="acme.say", fields={"text": "hi"}, call_id=f"call_{number}")
        assert gateway.runner.run(CALLER, order).status == 200
    end = time.monotonic() + 10
    while client.get("/readyz").status_code == 200:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert "ledger" in client.get("/readyz").text
    monkeypatch.setattr(gateway.database, "begin", working)
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < end + 10
        time.sleep(0.01)
    assert [row["call_id"] for row in close_and_read(gateway)] == [f"call_{number}" for number in range(5)]


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    heavy = ("pydantic", "sqlalchemy", "matplotlib", "click", "rich", "flask")
    code = f"import sys, hookline_ledger; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_bounds_of_the_options_hold(settings: Settings) -> None:
    environ = {"HOOKLINE_PLUGIN1_MAX_AGE_DAYS": "1", "HOOKLINE_PLUGIN1_MAX_ROWS": "2"}
    plugin = LedgerPlugin()
    gateway = make_gateway(plugin, settings=settings, environ=environ, clock=FakeClock(START))
    rows = [old_row(number, days=days) for number, days in enumerate((5, 2, 0, 0, 0))]
    store = DatabaseRows(gateway, gateway.options_of(LedgerOptions).base)
    store.insert(rows)
    while store.tend() < 60:
        pass
    assert [row["call_id"] for row in close_and_read(gateway)] == ["call_3", "call_4"]


def old_row(number: int, *, days: int) -> UsageRow:
    call = Call(
        id=f"call_{number}",
        action=make_connector().actions["acme.say"],
        principal=CALLER,
        connection=Connection(name="acme", connector="acme", base_url=BASE_URL),
        input={},
        deadline=0,
        record=CallRecord(began_at_utc=START - timedelta(days=days), ended_at=0.0),
    )
    return make_row(call, None)
