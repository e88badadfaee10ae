"""API keys: who holds one is known, and who does not learns nothing."""

from __future__ import annotations

import hmac
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from hookline.errors import HooklineError, StoreUnavailableError
from hookline.principal import ANYTHING, Caps, Principal
from hookline.problems import ProblemFormat
from hookline_auth import key_memory, key_ring
from hookline_auth.desk import operator

if TYPE_CHECKING:
    from tests.hooks.hookline_auth.conftest import Lab, MakeLab

UNKNOWN = "hk_" + "a" * 16 + "_" + "B" * 43


def answer(error: HooklineError) -> tuple[object, ...]:
    """Return all that a caller sees of an error."""
    reply = ProblemFormat().error_reply(error, call_id="call_1")
    return reply.status, tuple(reply.headers), reply.content


def test_a_new_key_runs_actions_and_nothing_else(lab: Lab) -> None:
    made = lab.make(label="Zapier")

    principal = lab.ask(made)

    assert (principal.key_id, principal.tenant, principal.label) == (made.record.id, "default", "Zapier")
    assert principal.scopes == {"actions:run", "catalog:read", "usage:read"}
    assert principal.actions is ANYTHING
    assert principal.models is ANYTHING
    assert (principal.connections, principal.caps) == ((), Caps())


def test_a_key_carries_all_that_it_was_made_with(lab: Lab) -> None:
    made = lab.make(
        tenant="acme",
        scopes=["actions:run"],
        actions=["openai.*"],
        models=["gpt-5*", "gpt-4o"],
        connections=["spare"],
        caps={"max_output_tokens": 100, "max_choices": 2, "max_stream_s": 1.5},
        limits=["60 requests / minute", "5 usd / day per tenant warn 80%"],
        networks=["192.0.2.0/24"],
    )

    principal = lab.ask(made)

    assert principal.tenant == "acme"
    assert principal.scopes == {"actions:run"}
    assert (principal.actions, principal.models) == (("openai.*",), ("gpt-5*", "gpt-4o"))
    assert principal.connections == ("spare",)
    assert principal.caps == Caps(max_output_tokens=100, max_choices=2, max_stream_s=1.5)
    assert [(own.key_id, [str(limit) for limit in own.limits]) for own in principal.limits] == [
        (made.record.id, ["60 requests / minute", "5 usd / day per tenant warn 80%"])
    ]


def test_a_key_is_taken_in_the_forms_that_static_keys_are_and_beside_them(make_lab: MakeLab) -> None:
    lab = make_lab(api_keys=("a-static-key-for-tests",))
    made = lab.make()
    assert made.key is not None

    assert lab.ask("", x_api_key=made.key.reveal()).key_id == made.record.id
    assert lab.ask("Bearer " + made.key.reveal()).key_id == made.record.id
    assert lab.ask("a-static-key-for-tests").key_id.startswith("static_")


def _ended_keys(lab: Lab) -> dict[str, str]:
    """Return keys that are not valid, each for another reason, by what the audit log calls it."""
    desk = lab.callers.desk
    revoked, expired, rotated, elsewhere, maker = (lab.make(label=str(number)) for number in range(5))
    child, stale_child = lab.make(maker), lab.make(expired)
    lab.change(expired, expires_at="2026-11-22T12:00:01Z")
    lab.change(elsewhere, networks=["198.51.100.0/24"])
    lab.clock.advance(2)
    desk.revoke(revoked.record.id, operator())
    desk.revoke(maker.record.id, operator())
    desk.rotate(rotated.record.id, operator(), grace_s=0)
    lives = lab.make()
    found = {
        "revoked": revoked,
        "expired": expired,
        "maker_revoked": child,
        "maker_expired": stale_child,
        "network": elsewhere,
    }
    texts = {reason: made.key.reveal() for reason, made in found.items() if made.key}
    assert lives.key is not None
    assert rotated.key is not None
    wrong = f"hk_{lives.key.id}_{'x' * 43}"
    malformed = (
        "hk_short",
        "x" * 9000,
        "hk_\x00" + "a" * 60,
        "Basic abc",
        "é" * 20,
        lives.key.reveal() + "\x7f",
    )
    return {
        **texts,
        "unknown_key": UNKNOWN,
        "wrong_secret": wrong,
        "wrong_secret (rotated)": rotated.key.reveal(),
        **{f"malformed {number}": text for number, text in enumerate(malformed)},
        "unknown": "no-key-at-all",
    }


def test_s8_unknown_revoked_expired_and_wrong_keys_get_one_answer(lab: Lab) -> None:
    """S8: body, status and headers are the same to the byte; so nobody learns which keys there are."""
    keys = _ended_keys(lab)

    answers = {reason: answer(lab.refusal(key)) for reason, key in keys.items()}

    assert len(set(answers.values())) == 1
    assert next(iter(answers.values()))[0] == 401


def test_the_audit_log_tells_the_reasons_apart_and_quotes_no_secret(lab: Lab) -> None:
    """S7, S8: told apart in the audit log, not in the answer."""
    keys = _ended_keys(lab)
    for key in keys.values():
        lab.refusal(key)

    entries = lab.refusals()

    assert [one["reason"] for one in entries] == [
        "revoked",
        "expired",
        "maker_revoked",
        "maker_expired",
        "network",
        "unknown_key",
        "wrong_secret",
        "wrong_secret",
        "unknown",
        *["malformed"] * 5,
        "unknown",
    ]
    text = json.dumps(entries)
    assert all(key.rpartition("_")[2] not in text for key in keys.values() if key.startswith("hk_"))
    assert [one["key_id"] for one in entries[:8]] == [one["target"] for one in entries[:8]]
    assert all("key_id" not in one for one in entries[8:])


def test_s7_an_unknown_id_and_a_wrong_secret_cost_the_same_query_and_comparisons(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S7: the id is looked up, and something is compared in constant time, whether it exists or not."""
    made = lab.make()
    assert made.key is not None
    compared: list[tuple[int, int]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(key_ring, "hmac", SimpleNamespace(compare_digest=compare))
    seen = []
    for key in (UNKNOWN, f"hk_{made.key.id}_{'x' * 43}"):
        with lab.counting() as statements:
            lab.refusal(key)
        seen.append(([one for one in statements if "FROM keys" in one], list(compared)))
        compared.clear()

    assert seen[0] == seen[1]
    assert len(seen[0][0]) == 1
    assert seen[0][1] == [(81, 81), (81, 81)]


def test_s7_the_secret_of_the_next_key_opens_nothing_under_an_id_that_does_not_exist(lab: Lab) -> None:
    """S7: the row that is read for an unknown id is another key's, and is never taken for it."""
    made = lab.make(signing={"mode": "required"})
    assert made.key is not None
    for neighbour in ("2" * 16, made.key.id[:-1] + "2", made.key.id[:-1] + "z", "z" * 16):
        if neighbour != made.key.id:
            assert lab.callers.store.hashes(neighbour).is_known is False
            assert lab.callers.store.signing(neighbour) is None
            assert lab.refusal(f"hk_{neighbour}_{made.key.secret}").status == 401


def test_the_look_up_uses_the_index_of_the_ids(lab: Lab) -> None:
    lab.make()
    with lab.counting() as statements:
        lab.refusal(UNKNOWN)
    from sqlalchemy import text

    with lab.gateway.database.connect() as connection:
        query = next(one for one in statements if "FROM keys" in one).replace("?", "'x'")
        plan = [str(row[-1]) for row in connection.execute(text("EXPLAIN QUERY PLAN " + query))]

    assert [line for line in plan if "SCAN" in line and "CONSTANT" not in line] == []
    assert ["USING INDEX" in line for line in plan] == [True]


def test_a_valid_key_is_looked_up_again_only_after_the_stated_time(lab: Lab) -> None:
    made = lab.make()
    lab.ask(made)

    with lab.counting() as statements:
        lab.clock.advance(4.9)
        lab.ask(made)
        assert statements == []
        lab.clock.advance(0.2)
        lab.ask(made)
    assert len([one for one in statements if "FROM keys" in one]) == 2


def test_s11_a_revocation_works_at_once_here_and_within_the_stated_time_elsewhere(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    """S11: another process, which has the key in mind, follows within ``cache_s``."""
    here = make_lab(state_dir=tmp_path)
    there = make_lab(state_dir=tmp_path, clock=here.clock)
    made = here.make()
    here.ask(made)
    there.ask(made)

    here.callers.desk.revoke(made.record.id, operator())

    assert here.refusal(made).status == 401
    assert there.ask(made).key_id == made.record.id
    here.clock.advance(5.0)
    assert there.refusal(made).status == 401


def test_s11_a_look_up_that_began_before_a_revocation_is_not_remembered(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S11: a thread that read the key a moment too early does not bring it back."""
    made = lab.make()
    ring, store = lab.callers.ring(), lab.callers.store
    chain = store.chain

    def read_then_revoke(key_id: str) -> object:
        found = chain(key_id)
        monkeypatch.setattr(store, "chain", chain)
        lab.callers.desk.revoke(key_id, operator())
        return found

    monkeypatch.setattr(store, "chain", read_then_revoke)
    lab.ask(made)  # it was valid when it was read

    assert ring._memory._found == {}
    assert lab.refusal(made).status == 401


def test_s11_only_the_whole_key_is_recognised_from_memory(lab: Lab) -> None:
    """S11: keys that share their beginning, or their end, are never taken for each other."""
    made = lab.make()
    assert made.key is not None
    lab.ask(made)
    text = made.key.reveal()

    for other in (
        text[:-1] + ("a" if text[-1] != "a" else "b"),
        text[:20] + text[19:],
        text + "a",
        text[:-1],
    ):
        assert lab.refusal(other).status == 401


def test_a_key_is_forgotten_on_the_moment_it_expires(lab: Lab) -> None:
    made = lab.make(expires_at="2026-11-22T12:00:03Z")
    lab.clock.advance(2.9)
    lab.ask(made)
    lab.clock.advance(0.2)

    assert lab.refusal(made).status == 401


def test_both_secrets_work_for_the_grace_time_of_a_rotation(lab: Lab) -> None:
    made = lab.make()
    new = lab.callers.desk.rotate(made.record.id, operator(), grace_s=60)
    assert new.key is not None
    assert made.key is not None
    assert new.key.id == made.key.id

    lab.clock.advance(58)
    assert lab.ask(made).key_id == lab.ask(new).key_id
    lab.clock.advance(2.1)
    assert lab.refusal(made).status == 401
    assert lab.ask(new).key_id == made.record.id


def test_a_key_that_was_revoked_in_the_grace_time_works_with_neither_secret(lab: Lab) -> None:
    made = lab.make()
    new = lab.callers.desk.rotate(made.record.id, operator(), grace_s=60)
    lab.callers.desk.revoke(made.record.id, operator())

    assert lab.refusal(made).status == lab.refusal(new).status == 401


@pytest.mark.parametrize(
    ("networks", "client", "is_inside"),
    [
        (["192.0.2.0/24"], "192.0.2.7", True),
        (["192.0.2.7"], "192.0.2.7", True),
        (["192.0.2.0/24"], "::ffff:192.0.2.7", True),
        (["198.51.100.0/24", "192.0.2.0/24"], "192.0.2.7", True),
        (["2001:db8::/32"], "2001:db8::1", True),
        (["2001:db8::/32"], "2001:db9::1", False),
        (["fe80::/10"], "fe80::1%eth0", True),
        (["192.0.2.0/24"], "192.0.3.7", False),
        (["::/0"], "192.0.2.7", False),
        (["0.0.0.0/0"], "", False),
        (["0.0.0.0/0"], "unix:", False),
        ([], "", True),
    ],
)
def test_a_key_works_from_its_networks_only(
    lab: Lab, networks: list[str], client: str, is_inside: bool
) -> None:
    made = lab.make(networks=networks)
    for _ in range(2):  # looked up, and remembered
        if is_inside:
            assert lab.ask(made, client=client).key_id == made.record.id
        else:
            assert lab.refusal(made, client=client).status == 401


def test_a_remembered_key_is_still_held_to_its_networks(lab: Lab) -> None:
    made = lab.make(networks=["192.0.2.0/24"])
    lab.ask(made)

    assert lab.refusal(made, client="203.0.113.1").status == 401


def test_a_remembered_key_is_taken_in_every_form_and_for_no_other_signer(lab: Lab) -> None:
    made, other = lab.make(), lab.make()
    assert made.key is not None
    key = made.key.reveal()
    lab.ask(made)

    for form in (key, f"bearer {key}", f" Bearer  {key} "):
        assert lab.ask("", authorization=form).key_id == made.record.id
    assert lab.ask("", x_api_key=key).key_id == made.record.id
    assert lab.ask(made, x_hookline_key_id=made.record.id).key_id == made.record.id
    assert lab.refusal(made, x_hookline_key_id=other.record.id).status == 401


def test_a_remembered_key_is_taken_in_no_form_in_which_it_is_not_taken_first(lab: Lab) -> None:
    made = lab.make()
    assert made.key is not None
    key = made.key.reveal()

    for is_remembered in (False, True):
        assert lab.refusal("", x_api_key=f"Bearer {key}").status == 401, is_remembered
        assert lab.refusal("", authorization=f"Token {key}", x_api_key=key).status == 401, is_remembered
        lab.ask(made)


def test_a_store_that_is_down_is_no_wrong_key(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """S37: 503 for keys that are not in mind, never 401, and never a way in."""
    known, other = lab.make(), lab.make()
    lab.ask(known)

    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailableError("The database cannot be reached.")

    monkeypatch.setattr(lab.gateway.database, "connect", fail)

    assert lab.ask(known).key_id == known.record.id
    for key in (other, UNKNOWN):
        error = lab.refusal(key)
        assert (error.status, error.code) == (503, "store_unavailable")
    lab.clock.advance(6)
    assert lab.refusal(known).status == 503


def test_a_pepper_that_cannot_be_read_is_no_wrong_key_either(make_lab: MakeLab, tmp_path: Path) -> None:
    (tmp_path / "key.pepper").write_text("short")
    lab = make_lab(state_dir=tmp_path, api_keys=("a-static-key-for-tests",))

    assert lab.refusal(UNKNOWN).status == 503
    assert lab.ask("a-static-key-for-tests").tenant == "default"


def test_s12_nothing_that_a_key_lacks_is_made_up_for_it(lab: Lab) -> None:
    """S12: a damaged row, a missing maker or one of another tenant make a key invalid, never a default."""
    from sqlalchemy import update

    from hookline.store.tables import KEYS

    for column, value in (
        ("tenant", ""),
        ("scopes", "{}"),
        ("actions", "null"),
        ("caps", "[]"),
        ("limits", '["a lot"]'),
        ("networks", '"10.0.0.0/8"'),
        ("parent_id", "b" * 16),
        ("signing", '{"mode": "required"}'),
    ):
        made = lab.make()
        with lab.gateway.database.begin() as connection:
            connection.execute(update(KEYS).where(KEYS.c.id == made.record.id).values({column: value}))
        assert lab.refusal(made).status == 401, column

    maker = lab.make(tenant="acme")
    child = lab.make(maker)
    with lab.gateway.database.begin() as connection:
        connection.execute(update(KEYS).where(KEYS.c.id == child.record.id).values(tenant="other"))
    assert lab.refusal(child).status == 401


def test_a_line_of_keys_that_bites_its_tail_ends(lab: Lab) -> None:
    from sqlalchemy import update

    from hookline.store.tables import KEYS

    one = lab.make()
    two = lab.make(one)
    with lab.gateway.database.begin() as connection:
        connection.execute(update(KEYS).where(KEYS.c.id == one.record.id).values(parent_id=two.record.id))

    assert lab.refusal(two).status == 401


# ---------------------------------------------------------------- too many failures


def test_an_address_that_fails_too_often_is_told_to_wait_whatever_it_sends(make_lab: MakeLab) -> None:
    """S8: the same answer for all kinds, and a valid key from the same address still passes."""
    lab = make_lab(failures_per_minute=3)
    made = lab.make()
    assert made.key is not None
    wrong = f"hk_{made.key.id}_{'x' * 43}"

    statuses = [lab.refusal(key).status for key in (wrong, UNKNOWN, "no-key", wrong)]
    limited = {answer(lab.refusal(key)) for key in (wrong, UNKNOWN, "no-key", "hk_\x00", "x" * 9000)}

    assert statuses == [401, 401, 401, 429]
    assert len(limited) == 1
    assert ("retry-after", "60") in next(iter(limited))[1]  # type: ignore[operator]
    assert lab.ask(made).key_id == made.record.id
    assert lab.refusal(wrong, client="192.0.2.8").status == 401
    lab.clock.advance(60)
    assert lab.refusal(wrong).status == 401


def test_all_of_an_ipv6_network_is_one_address(make_lab: MakeLab) -> None:
    lab = make_lab(failures_per_minute=1)

    statuses = [lab.refusal("no-key", client=f"2001:db8:0:1::{number:x}").status for number in range(3)]

    assert statuses == [401, 429, 429]
    assert lab.refusal("no-key", client="2001:db8:0:2::1").status == 401
    assert lab.refusal("no-key", client="::ffff:192.0.2.1").status == 401
    assert lab.refusal("no-key", client="192.0.2.1").status == 429


def test_a_flood_of_failures_leaves_few_events(make_lab: MakeLab) -> None:
    lab = make_lab(failures_per_minute=3)
    for _ in range(50):
        lab.refusal("no-key")
    for number in range(400):
        lab.refusal("no-key", client=f"203.0.{number // 250}.{number % 250}")
    lab.clock.advance(61)
    lab.refusal("no-key")

    entries = lab.refusals()

    assert len(entries) == 301
    assert [entry.get("is_told_to_wait", False) for entry in entries[:5]] == [
        False,
        False,
        False,
        True,
        False,
    ]
    assert entries[-1]["left_out_before"] == 104


def test_addresses_that_failed_take_a_bounded_room(lab: Lab) -> None:
    for number in range(10_500):
        lab.refusal("no-key", client=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")

    refusals = lab.callers.authenticator._refusals
    assert len(refusals._windows) == 10_000


def test_keys_in_mind_take_a_bounded_room() -> None:
    memory = key_memory.Memory()
    for number in range(10_500):
        holder = key_memory.Holder(principal=Principal(key_id="x"), until=10.0)
        memory.put(str(number).encode(), holder, 0, 1.0)

    assert len(memory._found) == 10_000
    memory.put(b"last", key_memory.Holder(principal=Principal(key_id="x"), until=20.0), 0, 11.0)
    assert list(memory._found) == [b"last"]


def test_keys_in_mind_beyond_the_bound_go_one_for_one_and_the_longest_known_first() -> None:
    memory = key_memory.Memory(most=3)
    for name in (b"a", b"b", b"c", b"a", b"d"):
        memory.put(name, key_memory.Holder(principal=Principal(key_id="x"), until=10.0), 0, 1.0)
    assert list(memory._found) == [b"c", b"a", b"d"]


def test_a_key_that_many_want_at_the_same_time_is_looked_up_once() -> None:
    """Or a busy key would take all connections to the database whenever it is forgotten."""
    memory, reads = key_memory.Memory(), []
    holder = key_memory.Holder(principal=Principal(key_id="x"), until=10.0)
    all_ask = threading.Barrier(8)

    def look_up() -> key_memory.Holder:
        reads.append("once")
        return holder

    def ask(_: int) -> key_memory.Holder:
        all_ask.wait(5)
        return memory.find(b"a", look_up, 1.0)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [holder] * 8
    assert reads == ["once"]
    assert memory._searches == {}


def test_who_waited_for_a_look_up_that_failed_looks_for_itself() -> None:
    memory = key_memory.Memory()
    holder = key_memory.Holder(principal=Principal(key_id="x"), until=10.0)
    began, may_fail = threading.Event(), threading.Event()

    def fail() -> key_memory.Holder:
        began.set()
        may_fail.wait(5)
        raise StoreUnavailableError("The database is away.")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(memory.find, b"a", fail, 1.0)
        began.wait(5)
        second = pool.submit(memory.find, b"a", lambda: holder, 1.0)
        may_fail.set()
        assert second.result(5) is holder
        with pytest.raises(StoreUnavailableError):
            first.result(5)


def test_a_store_that_is_away_is_asked_twice_however_many_wait() -> None:
    """By the first, and once more for all who waited: hundreds of threads must not ask it one by one."""
    memory, reads = key_memory.Memory(), []
    all_ask, never = threading.Barrier(32), threading.Event()

    def fail() -> key_memory.Holder:
        reads.append("once")
        never.wait(0.2)  # as a database that is slow to fail
        raise StoreUnavailableError("The database is away.", hint="Look after it.")

    def ask(_: int) -> BaseException:
        all_ask.wait(5)
        with pytest.raises(StoreUnavailableError) as raised:
            memory.find(b"a", fail, 1.0)
        return raised.value

    with ThreadPoolExecutor(32) as pool:
        failures = list(pool.map(ask, range(32)))
    assert len(reads) < 10  # two, unless a thread comes after those
    assert {str(one) for one in failures} == {"The database is away."}
    assert {one.hint for one in failures if isinstance(one, StoreUnavailableError)} == {"Look after it."}
    assert memory._searches == {}


def test_who_asks_after_a_change_never_gets_what_was_read_before_it() -> None:
    memory = key_memory.Memory()
    before, after = (key_memory.Holder(principal=Principal(key_id=id), until=10.0) for id in ("old", "new"))
    began, may_end = threading.Event(), threading.Event()

    def read_slowly() -> key_memory.Holder:
        began.set()
        may_end.wait(5)
        return before

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(memory.find, b"a", read_slowly, 1.0)
        began.wait(5)
        memory.clear()
        assert memory.find(b"a", lambda: after, 1.0) is after
        may_end.set()
        assert first.result(5) is before
    assert memory.get(b"a", 1.0) is after


# ---------------------------------------------------------------- two credentials at once


def test_a_bad_credential_never_falls_through_to_a_good_one(make_lab: MakeLab) -> None:
    static = "a-static-key-for-tests"
    lab = make_lab(api_keys=(static,))
    made, other = lab.make(), lab.make()
    assert made.key is not None
    cases: list[tuple[str, dict[str, str]]] = [
        (UNKNOWN, {"x_api_key": static}),
        (UNKNOWN, {"x_api_key": made.key.reveal()}),
        ("no-key", {"x_api_key": made.key.reveal()}),
        (static, {"x_hookline_key_id": made.key.id}),
        (made.key.reveal(), {"x_hookline_key_id": other.record.id}),
        (UNKNOWN, {"x_hookline_key_id": made.key.id}),
        (f"{made.key.reveal()},{static}", {}),
        (f"{made.key.reveal()} {static}", {}),
        ("", {"x_hookline_key_id": made.key.id}),
        ("", {"x_hookline_key_id": "../../etc"}),
    ]

    for key, headers in cases:
        assert lab.refusal(key, **headers).status == 401, (key, headers)
    assert lab.ask(made, x_hookline_key_id=made.record.id).key_id == made.record.id
    assert lab.ask(made, x_hookline_key_id="hk_" + made.record.id).key_id == made.record.id


def test_a_key_that_was_made_here_is_no_static_key(make_lab: MakeLab, lab: Lab) -> None:
    made = lab.make()
    assert made.key is not None

    with pytest.raises(HooklineError, match="could not be revoked otherwise") as caught:
        make_lab(api_keys=(made.key.reveal(),))
    assert made.key.secret not in caught.value.message


# ---------------------------------------------------------------- secrets


def test_what_is_stored_and_shown_holds_no_secret(make_lab: MakeLab, tmp_path: Path) -> None:
    lab = make_lab(state_dir=tmp_path)
    made = lab.make(signing={"mode": "required"})
    rotated = lab.callers.desk.rotate(made.record.id, operator(), grace_s=60)
    lab.gateway.audit.close()
    assert made.key is not None
    assert rotated.key is not None
    assert made.signing_secret is not None
    secrets = [made.key.secret, rotated.key.secret, made.signing_secret.removeprefix("whsec_")]

    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    shown = repr([made, rotated, made.record, lab.callers.ring(), vars(lab.callers.ring())])

    for secret in secrets:
        assert secret.encode() not in stored
        assert secret not in shown


def test_a_changed_row_cannot_take_the_hash_of_another_pepper(make_lab: MakeLab, tmp_path: Path) -> None:
    first = make_lab(state_dir=tmp_path, environ={"HOOKLINE_KEY_PEPPER": "p" * 40})
    made = first.make()
    second = make_lab(state_dir=tmp_path, environ={"HOOKLINE_KEY_PEPPER": "q" * 40})

    assert second.refusal(made).status == 401
    assert second.callers.look_for_other_peppers() == 1
    assert first.callers.look_for_other_peppers() == 0
    assert first.ask(made).key_id == made.record.id
