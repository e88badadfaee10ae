"""What is kept of a call: figures and names that are safe to show, and nothing of its texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from fake_clock import START, FakeClock
from hookline import Call, Connection
from hookline.principal import Principal
from hookline.record import CallRecord
from hookline.usage import Usage
from hookline_ledger.labels import identity, printable
from hookline_ledger.rows import UsageRow, from_us, make_row, to_us, values_of
from small_service import make_connector

if TYPE_CHECKING:
    from hookline.call import Door

SECRET = "the text of a prompt"
USAGE = Usage(
    input_tokens=10, output_tokens=20, cached_tokens=4, reasoning_tokens=5, cost_nano_usd=6, is_estimated=True
)


def make_call(
    record: CallRecord | None = None,
    *,
    principal: Principal | None = None,
    parent: Call | None = None,
    door: Door = "action",
    is_internal: bool = False,
    is_stream: bool = False,
) -> Call:
    connector = make_connector()
    return Call(
        id="call_0" if parent is None else "call_1",
        action=connector.actions["acme.say"],
        principal=principal or Principal(key_id="k1", tenant="acme", label=SECRET),
        connection=Connection(name="main", tenant="acme", connector="acme", base_url=connector.base_url),
        door=door,
        input={"text": SECRET},
        headers={"x-hookline-flow": "invoices", "x-secret": SECRET},
        deadline=1e9,
        parent=parent,
        clock=FakeClock(),
        record=record or CallRecord(),
        is_internal=is_internal,
        is_stream=is_stream,
    )


def test_a_row_has_all_that_the_record_tells() -> None:
    record = CallRecord(
        attempts=2,
        model="gpt-5.4-mini",
        status=200,
        error_code="stream_interrupted",
        began_at=1000.0,
        began_at_utc=START,
        first_byte_at=1000.25,
        ended_at=1001.5,
    )
    row = make_row(make_call(record, parent=make_call(), door="wire", is_internal=True), USAGE)
    assert values_of(row) == {
        "call_id": "call_1",
        "parent_id": "call_0",
        "at_us": 1_795_348_800_000_000,
        "key_id": "k1",
        "tenant": "acme",
        "end_user": None,
        "flow": "invoices",
        "action": "acme.say",
        "door": "wire",
        "connection": "acme/main",
        "model": "gpt-5.4-mini",
        "input_tokens": 10,
        "output_tokens": 20,
        "cached_tokens": 4,
        "reasoning_tokens": 5,
        "cost_nano_usd": 6,
        "is_estimated": True,
        "status": 200,
        "error_code": "stream_interrupted",
        "attempts": 2,
        "first_byte_ms": 250,
        "total_ms": 1500,
        "is_stream": False,
        "is_internal": True,
    }


def test_a_row_holds_no_text_of_the_call() -> None:
    row = make_row(make_call(), None)
    assert SECRET not in repr(row)
    assert SECRET not in repr(values_of(row))


def test_a_call_that_sent_nothing_cost_nothing() -> None:
    refused = CallRecord(status=402, error_code="budget_exhausted")
    values = values_of(make_row(make_call(refused), None))
    assert (values["input_tokens"], values["output_tokens"], values["cost_nano_usd"]) == (0, 0, 0)
    assert (values["status"], values["attempts"]) == (402, 0)


def test_so_did_one_whose_work_other_calls_did() -> None:
    values = values_of(make_row(make_call(CallRecord(status=200, attempts=1, is_composed=True)), None))
    assert (values["input_tokens"], values["cost_nano_usd"]) == (0, 0)


def test_what_nobody_can_tell_is_null_and_not_zero() -> None:
    values = values_of(make_row(make_call(CallRecord(status=200, attempts=1)), None))
    assert (values["input_tokens"], values["output_tokens"], values["cost_nano_usd"]) == (None, None, None)


def test_tokens_without_a_price_have_no_cost() -> None:
    usage = Usage(input_tokens=1, output_tokens=2)
    values = values_of(make_row(make_call(CallRecord(status=200, attempts=1)), usage))
    assert (values["input_tokens"], values["output_tokens"], values["cost_nano_usd"]) == (1, 2, None)


@pytest.mark.parametrize("number", [-1, 10**9 + 1, 2**70])
def test_a_number_that_cannot_be_true_is_not_kept(number: int) -> None:
    usage = Usage(input_tokens=number, output_tokens=1, cost_nano_usd=number * 10_000)
    values = values_of(make_row(make_call(CallRecord(attempts=1)), usage))
    assert (values["input_tokens"], values["output_tokens"], values["cost_nano_usd"]) == (None, 1, None)


def test_a_call_that_was_told_nothing_has_a_status_all_the_same() -> None:
    assert values_of(make_row(make_call(CallRecord()), None))["status"] == 499
    assert values_of(make_row(make_call(CallRecord(error_code="internal_error")), None))["status"] == 500


def test_a_call_without_times_is_one_of_now() -> None:
    values = values_of(make_row(make_call(CallRecord(began_at=1000.0)), None))
    assert (values["at_us"], values["total_ms"]) == (to_us(START), 0)


@pytest.mark.parametrize(("is_stream", "first_byte_ms"), [(False, 2000), (True, None)])
def test_an_answer_in_one_piece_begins_when_it_is_over(is_stream: bool, first_byte_ms: int | None) -> None:
    record = CallRecord(began_at=1000.0, ended_at=1002.0)
    values = values_of(make_row(make_call(record, is_stream=is_stream), None))
    assert (values["total_ms"], values["first_byte_ms"]) == (2000, first_byte_ms)


def test_a_long_name_of_a_model_takes_no_room_while_it_waits() -> None:
    row = make_row(make_call(CallRecord(model="m" * 1_000_000)), None)
    assert row.model == "m" * 200


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("Åse 李 🙂", "Åse 李 🙂"),
        ("one\nforged line", "one�forged line"),
        ("\x1b[2J\x1b]0;title\x07", "�[2J�]0;title�"),
        ("c1 \x9b31m", "c1 �31m"),
        ("nul\x00", "nul�"),
        ("\u202eevil", "�evil"),
        ("half \ud800", "half �"),
        ("x" * 300, "x" * 200),
        ("'; DROP TABLE usage_rows; --", "'; DROP TABLE usage_rows; --"),
    ],
)
def test_names_are_one_line_without_commands_for_a_terminal(text: str, shown: str) -> None:
    """S23: what a client chose cannot forge a line or move a cursor."""
    assert printable(text) == shown
    values = values_of(make_row(make_call(CallRecord(model=text, error_code=text)), None))
    assert (values["model"], values["error_code"]) == (shown, shown)


@pytest.mark.parametrize("other", ["acme\x00", "acme\n", "acme\ud800", "a" * 201, "a" * 202])
def test_two_tenants_never_become_one(other: str) -> None:
    """S24: making a name safe to show must not lay the books of two tenants together."""
    kept = [identity(name) for name in ("acme", "acme�", "a" * 200, other, other + "\n")]
    assert len(set(kept)) == len(kept)
    assert all(name.isprintable() and len(name) <= 200 for name in kept)
    principal = Principal(key_id=other, tenant=other)
    values = values_of(make_row(make_call(principal=principal), None))
    assert (values["tenant"], values["key_id"]) == (identity(other), identity(other))


def test_times_are_whole_microseconds() -> None:
    at = datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)
    assert from_us(to_us(at)) == at
    assert to_us(at) % 1_000_000 == 123_456


def test_rows_are_immutable() -> None:
    row = make_row(make_call(), None)
    assert isinstance(row, UsageRow)
    with pytest.raises(AttributeError):
        row.status = 1  # type: ignore[misc]  # what this is about
