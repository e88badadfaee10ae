"""Redis that is gone, frozen, empty, full or read-only (S37): closed, and back without a restart."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from hookline.clock import SYSTEM_CLOCK
from hookline.errors import ConfigurationError, StoreUnavailableError
from hookline_limits.redis_store import RedisStore
from hookline_limits.windows import end_us_of, slot_at, utc_us
from limits_lab import RedisClock, StoreLab, counter, follow_clock, must_refuse, must_take, take
from servers import RedisServer, new_redis

TOKENS = counter("1000 tokens / hour")
RUNNING = counter("2 concurrent")
PATIENCE_S = 0.5
SOON_S = 10.0


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis of the test's own, to be stopped and frozen."""
    started = new_redis()
    yield started
    started.remove()


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisStore]:
    opened = RedisStore(server.url, SYSTEM_CLOCK, patience_s=PATIENCE_S, lease_s=2.0)
    yield opened
    opened.close()


def must_fail(store: RedisStore) -> float:
    """Return how long it took until the store was found not to answer."""
    began_at = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        take(store, (TOKENS, 1), (RUNNING, 1))
    assert caught.value.status == 503
    assert caught.value.retry_after_s is not None
    return time.monotonic() - began_at


def until(is_so: object) -> None:
    """Wait until a function returns something true."""
    assert callable(is_so)
    end = time.monotonic() + SOON_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_redis_that_is_gone_refuses_and_is_back_without_a_restart(
    server: RedisServer, store: RedisStore
) -> None:
    must_take(store, (TOKENS, 10)).settle([10])
    assert store.check() is None
    server.stop(kill=True)

    assert must_fail(store) < PATIENCE_S
    assert store.check() is not None
    server.start()

    until(lambda: store.check() is None)
    must_take(store, (TOKENS, 1000), (RUNNING, 2))


def test_a_frozen_redis_makes_few_calls_wait_and_all_others_fail_at_once(
    server: RedisServer, store: RedisStore
) -> None:
    must_take(store, (TOKENS, 10)).settle([10])
    server.pause()

    assert PATIENCE_S * 0.9 <= must_fail(store) < PATIENCE_S + 1
    waits = [must_fail(store) for _ in range(200)]
    assert sum(waits) < 2 * PATIENCE_S
    assert store.check() is not None
    server.resume()

    until(lambda: store.check() is None)
    until(lambda: store.look([TOKENS, RUNNING]) == [10, 0])


def test_what_was_taken_while_nobody_could_tell_does_not_stay_taken(
    server: RedisServer, store: RedisStore
) -> None:
    """A frozen Redis carries out, when it wakes, what it was sent: it is taken back."""
    must_take(store, (TOKENS, 10)).settle([10])
    server.pause()
    threads = [threading.Thread(target=must_fail, args=(store,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
    server.resume()

    until(lambda: store.check() is None)
    until(lambda: store.look([TOKENS, RUNNING]) == [10, 0])
    time.sleep(0.3)
    assert store.look([TOKENS, RUNNING]) == [10, 0]


def test_a_call_that_ends_while_redis_is_frozen_is_settled_once_when_it_is_back(
    server: RedisServer, store: RedisStore
) -> None:
    must_take(store, (TOKENS, 1)).settle([0])  # so that Redis knows the scripts
    hold = must_take(store, (TOKENS, 500), (RUNNING, 1))
    server.pause()

    began_at = time.monotonic()
    hold.settle([120, 0])
    hold.settle([120, 0])
    assert time.monotonic() - began_at < PATIENCE_S + 1
    time.sleep(2 * PATIENCE_S)  # the first try and others wait in the frozen server
    server.resume()

    until(lambda: store.check() is None)
    until(lambda: store.look([TOKENS, RUNNING]) == [120, 0])
    time.sleep(0.5)
    assert store.look([TOKENS, RUNNING]) == [120, 0]


def test_a_redis_that_was_restarted_empty_takes_what_ends_and_begins_anew(
    server: RedisServer, store: RedisStore
) -> None:
    hold = must_take(store, (TOKENS, 500), (RUNNING, 1))
    server.stop(kill=True)
    server.start()
    until(lambda: store.check() is None)

    must_take(store, (TOKENS, 100), (RUNNING, 2))
    hold.settle([300, 0])

    assert store.look([TOKENS, RUNNING]) == [400, 2]
    must_refuse(store, (RUNNING, 1))


def test_many_connections_that_a_restart_broke_cost_no_call(server: RedisServer, store: RedisStore) -> None:
    def use() -> None:
        for _ in range(20):
            must_take(store, (counter("100000 tokens / hour"), 1)).settle([1])

    threads = [threading.Thread(target=use) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
    server.stop()
    server.start()
    until(lambda: store.check() is None)

    for _ in range(40):
        must_take(store, (TOKENS, 1)).settle([1])


def test_a_redis_that_takes_no_writes_refuses(server: RedisServer, store: RedisStore) -> None:
    """As a replica does, and one whose memory is full."""
    must_take(store, (TOKENS, 10)).settle([10])
    with redis.Redis.from_url(server.url) as client:
        client.replicaof("127.0.0.1", 1)
        must_fail(store)
        assert store.check() is not None
        client.replicaof("NO", "ONE")
        until(lambda: store.check() is None)

        client.config_set("maxmemory", "1")
        must_fail(store)
        client.config_set("maxmemory", "0")
    until(lambda: store.check() is None)
    until(lambda: store.look([TOKENS, RUNNING]) == [10, 0])


def test_a_gateway_starts_though_redis_is_gone(server: RedisServer) -> None:
    server.stop()
    store = RedisStore(server.url, SYSTEM_CLOCK, patience_s=PATIENCE_S)

    must_fail(store)
    assert store.check() is not None
    server.start()
    until(lambda: store.check() is None)
    must_take(store, (TOKENS, 1))
    store.close()


def test_what_redis_keeps_goes_away_by_itself(server: RedisServer, store: RedisStore) -> None:
    must_take(store, (counter("5 requests / second"), 1), (RUNNING, 1), (counter("5 usd / month"), 1))

    with redis.Redis.from_url(server.url) as client:
        names = sorted(client.keys())
        assert len(names) == 4
        assert all(name.startswith(b"{hookline-limits}:") for name in names)
        assert all(client.pttl(name) > 0 for name in names)


def test_no_password_of_redis_is_told(caplog: pytest.LogCaptureFixture) -> None:
    store = RedisStore("redis://:canary-word@127.0.0.1:1/0", SYSTEM_CLOCK, patience_s=PATIENCE_S)

    with pytest.raises(StoreUnavailableError) as caught:
        take(store, (TOKENS, 1))

    assert "canary" not in f"{caught.value!r}{store.check()}{store!r}{vars(caught.value)}{caplog.text}"
    store.close()


@pytest.mark.parametrize("url", ["", "127.0.0.1", "http://:canary-word@127.0.0.1", "redis://h:port/0"])
def test_an_address_that_is_none_is_told_of_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="redis://HOST:PORT") as caught:
        RedisStore(url, SYSTEM_CLOCK)

    assert "canary" not in str(caught.value)


def test_without_its_library_redis_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "redis", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'hookline\[redis\]'"):
        RedisStore("redis://127.0.0.1", SYSTEM_CLOCK)


def test_redis_finds_the_same_days_and_months_as_the_calendar(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow_clock(monkeypatch)
    dates = random.Random(1)
    begin = datetime(1990, 1, 1, tzinfo=UTC)
    moments = [begin + timedelta(seconds=dates.randrange(150 * 365 * 86400)) for _ in range(100)]
    for year in (2000, 2024, 2026, 2100):
        for month in range(1, 13):
            edge = datetime(year, month, 1, tzinfo=UTC)
            moments += [edge, edge - timedelta(microseconds=1)]
    clock = RedisClock(redis_server.url)
    store = StoreLab(kind="redis", clock=clock, folder=Path(), url=redis_server.url).open()
    for moment in moments:
        clock.is_off += moment - clock.now()
        clock.tell()
        now_us = utc_us(moment)

        hold = must_take(store, (counter("5 usd / month"), 0), (counter("5 usd / day"), 0))

        for index, mode in enumerate(("month", "day")):
            end_us = end_us_of(mode, 0, slot_at(mode, 0, now_us))  # type: ignore[arg-type]  # literals
            assert end_us is not None
            assert hold.free_in_s(index) == (end_us - now_us) / 1_000_000, moment
    store.close()
    clock.close()
