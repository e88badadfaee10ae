"""The thread that renews claims: there while something runs, and no longer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import pytest

from hookline import hookimpl
from hookline.errors import StoreUnavailableError
from hookline_idempotency.claims import FREED, Claim, Outcome, RunningClaims
from hookline_idempotency.leases import MAX_WAITING, Leases
from replay_lab import ReplayLab, body_of, code_of, is_replayed
from scripted_server import eventually
from small_service import whole

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest, UpstreamResponse

SECOND = 1_000_000


class Store:
    """Notes what it is told, or is away."""

    def __init__(self) -> None:
        self.renewed: list[tuple[list[str], int]] = []
        self.ended: list[str] = []
        self.is_away = False
        self.was_renewed = threading.Event()

    def renew(self, claims: Iterable[Claim], *, lease_until_us: int) -> None:
        self._check()
        self.renewed.append(([claim.id for claim in claims], lease_until_us))
        self.was_renewed.set()

    def end(self, claim: Claim, outcome: Outcome) -> bool:
        self._check()
        self.ended.append(claim.id)
        return True

    def _check(self) -> None:
        if self.is_away:
            raise StoreUnavailableError("It is away.")


def make(store: Store, claims: RunningClaims, lease_s: float = 30) -> Leases:
    return Leases(claims, lambda: store, now_us=lambda: 100 * SECOND, lease_s=lease_s)  # type: ignore[arg-type,return-value]  # as much of a store as is used


def claim(id: str, **more: object) -> Claim:
    return Claim(id=id, owner=id, call_id=id, headers={}, expires_at_us=0, **more)  # type: ignore[arg-type]  # fields


def test_claims_that_run_are_renewed_and_ends_that_wait_are_written() -> None:
    store, claims = Store(), RunningClaims()
    for one in (claim("a"), claim("b", outcome=FREED), claim("c")):
        claims.add(one)

    make(store, claims).tend()

    assert store.renewed == [(["a", "c"], 130 * SECOND)]
    assert store.ended == ["b"]
    assert [one.id for one in claims.all()] == ["a", "c"]


def test_while_the_database_is_away_ends_wait_but_not_endlessly_many() -> None:
    store, claims = Store(), RunningClaims()
    for number in range(MAX_WAITING + 5):
        claims.add(claim(str(number), outcome=FREED))
    leases = make(store, claims)
    store.is_away = True

    leases.tend()
    assert len(claims) == MAX_WAITING
    store.is_away = False
    leases.tend()

    assert len(claims) == 0
    assert store.ended == [str(number) for number in range(5, MAX_WAITING + 5)]


def test_the_thread_runs_while_there_is_a_claim() -> None:
    store, claims = Store(), RunningClaims()
    leases = make(store, claims, lease_s=0.03)
    one = claim("a")
    claims.add(one)

    leases.watch()
    leases.watch()
    assert store.was_renewed.wait(20)
    claims.remove(one)
    eventually(lambda: leases._thread is None)
    claims.add(one)
    store.was_renewed.clear()
    leases.watch()
    assert store.was_renewed.wait(20)
    thread = leases._thread
    leases.close(20)

    assert leases._thread is None
    assert thread is not None
    assert not thread.is_alive()


def doing(do: Callable[[ReplayLab], object]) -> ReplayLab:
    """Return a gateway that does something while the service works."""

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        do(lab)
        return whole({"text": "late"})

    lab = ReplayLab(answer)
    return lab


def test_a_call_that_takes_longer_than_its_lease_keeps_its_key() -> None:
    seen: list[object] = []

    def work(lab: ReplayLab) -> None:
        for _ in range(5):
            lab.clock.advance(20)
            lab.plugin._keeper.leases.tend()
            seen.append(code_of(lab.ask()))

    lab = doing(work)
    lab.ask()

    assert seen == ["still_running"] * 5
    assert lab.sent == 1
    assert is_replayed(lab.ask())


def test_of_an_owner_without_a_sign_of_life_the_truth_is_told() -> None:
    """The call was sent, so it is not sent again; if its owner comes back after all, its answer counts."""
    replies = []

    def work(lab: ReplayLab) -> None:
        lab.clock.advance(31)
        replies.append(lab.ask())

    lab = doing(work)
    lab.ask()

    (reply,) = replies
    assert (reply.status, code_of(reply)) == (409, "first_attempt_lost")
    assert body_of(reply)["retryable"] is False
    assert "may have been charged" in body_of(reply)["message"]
    assert lab.sent == 1
    assert is_replayed(lab.ask())


def test_an_owner_that_comes_back_after_another_took_over_sends_nothing() -> None:
    """It was held up before it had sent anything; meanwhile another ran the call."""

    class HeldUp:
        def __init__(self) -> None:
            self.is_first = True

        @hookimpl
        def hookline_shape_request(self) -> None:
            if self.is_first:
                self.is_first = False
                lab.clock.advance(31)
                replies.append(lab.ask())

    replies: list[object] = []
    lab = ReplayLab(plugins={"held_up": HeldUp()})
    late = lab.ask()

    assert (late.status, code_of(late)) == (409, "still_running")
    assert [getattr(reply, "status", None) for reply in replies] == [200]
    assert lab.sent == 1
    assert is_replayed(lab.ask())


@pytest.mark.parametrize("number", [1, 3])
def test_claims_are_found_by_call_and_by_headers(number: int) -> None:
    claims = RunningClaims()
    made = [Claim(id="x", owner="o", call_id=str(n), headers={}, expires_at_us=0) for n in range(number)]
    for one in made:
        claims.add(one)
    assert len(claims) == number
    for one in made:
        claims.remove(one)
    assert (len(claims), claims.all()) == (0, [])
