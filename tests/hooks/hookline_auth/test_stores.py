"""Keys on every kind of database, with several processes on one, and while it is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks import Webhook

from fake_clock import START
from hookline.errors import HooklineError
from hookline_auth.desk import operator

if TYPE_CHECKING:
    from tests.hooks.hookline_auth.conftest import Lab, MakeLab

    from hookline_auth.desk import Made
    from servers import PostgresServer

UNKNOWN = "hk_" + "a" * 16 + "_" + "B" * 43


@pytest.fixture
def pair(make_lab: MakeLab, database_url: str, tmp_path: Path) -> tuple[Lab, Lab]:
    """Two gateways with one database, one pepper and one clock."""
    one = make_lab(state_dir=tmp_path, database_url=database_url)
    return one, make_lab(state_dir=tmp_path, database_url=database_url, clock=one.clock)


def test_the_life_of_a_key_is_the_same_on_every_database(pair: tuple[Lab, Lab]) -> None:
    here, there = pair
    made = here.make(label="50%_done", limits=["8 concurrent"], expires_at="2027-01-31T12:00:00Z")
    child = here.make(made, models=["gpt-4o"])

    assert there.ask(made).key_id == made.record.id
    assert there.ask(child).models == ("gpt-4o",)
    assert [own.key_id for own in there.ask(child).limits] == [child.record.id, made.record.id]
    assert {there.refusal(key).status for key in (UNKNOWN, f"hk_{made.record.id}_{'x' * 43}")} == {401}
    assert [one.id for one in there.callers.store.search(text="0%_d")] == [made.record.id]
    assert there.callers.store.search(text="0%d") == []
    assert there.callers.look_for_other_peppers() == 0

    new = here.callers.desk.rotate(made.record.id, operator(), grace_s=60)
    here.clock.advance(6)
    assert there.ask(made) == there.ask(new)
    here.callers.desk.revoke(made.record.id, operator())
    here.clock.advance(6)
    assert {there.refusal(key).status for key in (made, new, child)} == {401}
    assert there.gateway.audit.verify().is_sound


def test_s26_of_requests_that_come_to_several_processes_at_once_one_is_taken(
    pair: tuple[Lab, Lab],
) -> None:
    """S26: the database decides between processes."""
    made = pair[0].make(signing={"mode": "required"})
    assert made.signing_secret is not None
    headers: dict[str, Any] = {
        "webhook_id": "msg_1",
        "webhook_timestamp": str(int(START.timestamp())),
        "webhook_signature": Webhook(made.signing_secret).sign("msg_1", START, "{}"),
    }
    outcomes: list[str] = []
    barrier = threading.Barrier(8)

    def deliver(lab: Lab) -> None:
        barrier.wait(10)
        try:
            outcomes.append(lab.ask(made, body=b"{}", **headers).key_id)
        except HooklineError as exc:
            outcomes.append(exc.code)

    threads = [threading.Thread(target=deliver, args=(pair[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcomes) == sorted([made.record.id, *["invalid_api_key"] * 7])


def test_s37_a_database_that_is_gone_is_503_until_it_is_back(
    make_lab: MakeLab, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    """S37: never 401, never open; readiness is red meanwhile, and nothing has to be started anew."""
    lab = make_lab(state_dir=tmp_path, database_url=postgres_url, cache_s=0)
    made = lab.make()
    assert lab.ask(made).key_id == made.record.id
    assert lab.gateway.missing_parts() == []

    postgres_server.stop()
    try:
        for key in (made, UNKNOWN):
            began = time.monotonic()
            error = lab.refusal(key)
            assert (error.status, error.code) == (503, "store_unavailable")
            assert time.monotonic() - began < 10
        assert _soon(lambda: _parts(lab) != [])
    finally:
        postgres_server.start()
    assert _soon(lambda: _status(lab, made) == 200)
    assert _soon(lambda: _parts(lab) == [])
    assert lab.refusal(UNKNOWN).status == 401


def _parts(lab: Lab) -> list[str]:
    lab.clock.advance(2)  # what was found out is remembered for a moment
    return lab.gateway.missing_parts()


def _status(lab: Lab, made: Made) -> int:
    try:
        lab.ask(made)
    except HooklineError as exc:
        return exc.status
    return 200


def _soon(is_so: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + 20
    while not is_so() and time.monotonic() < ends_at:
        time.sleep(0.1)
    return is_so()
