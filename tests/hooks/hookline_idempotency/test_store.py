"""The rows, on both databases: one claim wins, and dead owners are told from living ones."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from hookline.store.database import Database
from hookline_idempotency.claims import FREED, TOO_LARGE, Claim, Outcome
from hookline_idempotency.store import KeptReplies, KeptRow

NewDatabase = Callable[[], Database]
LEASE = 30


@pytest.fixture
def store(database: Database) -> KeptReplies:
    return KeptReplies(database)


def values(id: str = "row", *, owner: str = "a", now: int = 0, is_sent: bool = False) -> dict[str, object]:
    return {
        "id": id,
        "tenant": "t",
        "action": "acme.say",
        "key_id": "k",
        "call_id": f"call_{owner}",
        "fingerprint": "f",
        "state": "running",
        "owner": owner,
        "is_sent": is_sent,
        "lease_until_us": now + LEASE,
        "created_at_us": now,
        "expires_at_us": now + 1000,
        "reply": None,
    }


def claim_of(id: str = "row", owner: str = "a") -> Claim:
    return Claim(id=id, owner=owner, call_id=f"call_{owner}", headers={}, expires_at_us=1000)


def read(store: KeptReplies, id: str = "row") -> KeptRow:
    found = store.read(id)
    assert found is not None
    return found


def test_the_first_gets_the_key_and_the_second_sees_who_has_it(store: KeptReplies) -> None:
    assert store.read("row") is None
    assert store.claim(values(), now_us=0) is None

    found = store.claim(values(owner="b"), now_us=1)

    assert found == KeptRow("row", "call_a", "f", "running", False, LEASE, 0, 1000, None)
    assert found == store.read("row")


def test_a_claim_whose_owner_died_before_it_sent_anything_is_taken_over(store: KeptReplies) -> None:
    store.claim(values(), now_us=0)

    assert store.claim(values(owner="b", now=LEASE), now_us=LEASE) is None

    assert read(store).call_id == "call_b"
    assert store.mark_sent(claim_of()) is False
    assert store.end(claim_of(), Outcome(state="kept", reply=b"late")) is False
    assert store.end(claim_of(), FREED) is False
    assert store.mark_sent(claim_of(owner="b")) is True
    assert store.end(claim_of(owner="b"), Outcome(state="kept", reply=b"sealed")) is True
    assert (read(store).state, read(store).reply, read(store).lease_until_us) == ("kept", b"sealed", 0)


def test_a_claim_whose_owner_died_after_that_stays_until_its_key_ends(store: KeptReplies) -> None:
    store.claim(values(), now_us=0)
    store.mark_sent(claim_of())

    found = store.claim(values(owner="b", now=LEASE), now_us=LEASE)
    assert found is not None
    assert (found.call_id, found.is_sent) == ("call_a", True)
    assert store.claim(values(owner="b", now=1000), now_us=1000) is None


def test_a_claim_that_is_renewed_is_not_taken_over(store: KeptReplies) -> None:
    store.claim(values(), now_us=0)
    store.claim(values("other", owner="b"), now_us=0)

    store.renew([claim_of(), claim_of("other", "somebody else")], lease_until_us=99)

    assert store.claim(values(owner="c"), now_us=98) is not None
    assert store.claim(values("other", owner="c"), now_us=98) is None


def test_a_key_that_was_freed_is_new(store: KeptReplies) -> None:
    store.claim(values(), now_us=0)
    assert store.end(claim_of(), FREED) is True
    assert store.read("row") is None
    assert store.claim(values(owner="b"), now_us=1) is None


def test_a_reply_that_is_too_large_leaves_a_mark(store: KeptReplies) -> None:
    store.claim(values(), now_us=0)
    store.end(claim_of(), TOO_LARGE)
    assert (read(store).state, read(store).reply) == ("too_large", None)


def test_old_rows_go_a_few_at_a_time_and_none_that_runs(store: KeptReplies) -> None:
    for number in range(5):
        store.claim(values(f"row{number}", owner=str(number)), now_us=0)
        store.end(claim_of(f"row{number}", str(number)), Outcome(state="kept", reply=b""))
    store.claim(values("running"), now_us=0)
    store.renew([claim_of("running")], lease_until_us=5000)

    assert store.remove_old(999, limit=3) == 0
    assert [store.remove_old(1000, limit=3) for _ in range(3)] == [3, 2, 0]
    assert store.remove_old(4999, limit=3) == 0
    assert store.remove_old(5000, limit=3) == 1


@pytest.mark.parametrize("is_dead", [False, True])
def test_of_many_that_want_a_key_at_once_one_gets_it(new_database: NewDatabase, is_dead: bool) -> None:
    """Also where they all take over from one that died."""
    stores = [KeptReplies(new_database()) for _ in range(4)]
    for round in range(5):
        if is_dead:
            stores[0].claim(values(f"row{round}", owner="dead"), now_us=0)
        barrier, got = threading.Barrier(8), list[KeptRow | None]()

        def work(number: int, round: int = round) -> None:
            barrier.wait(20)  # noqa: B023  # all threads of a round end in it
            row = values(f"row{round}", owner=str(number), now=LEASE)
            got.append(stores[number % 4].claim(row, now_us=LEASE))  # noqa: B023  # as above

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert len(got) == 8
        assert got.count(None) == 1
