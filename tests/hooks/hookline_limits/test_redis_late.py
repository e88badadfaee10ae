"""Redis when requests come late: each is done once, or not at all, and nothing stays for ever."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from hookline.clock import SYSTEM_CLOCK
from hookline.errors import StoreUnavailableError
from hookline_limits.redis_store import RedisStore
from limits_lab import RedisClock, StoreLab, counter, follow_clock, must_refuse, must_take, take

if TYPE_CHECKING:
    from servers import RedisServer

TOKENS = counter("1000 tokens / hour")
RUNNING = counter("2 concurrent")
SOON_S = 10.0


class HoldingProxy:
    """Passes on what goes to a Redis, and keeps one script back until it is let go.

    Attributes:
        url: Where it listens.
        caught: Set when it keeps one back.
        done: Set when Redis has answered that one.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._is_armed = False
        self._late: socket.socket | None = None
        self._go = threading.Event()
        self.caught = threading.Event()
        self.done = threading.Event()
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def catch_next(self) -> None:
        """Keep the next script back."""
        self._is_armed = True

    def let_go(self) -> None:
        """Pass on what was kept back."""
        self._go.set()

    def close(self) -> None:
        self._go.set()
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(*ends, server), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self._is_armed and target is server and b"EVALSHA" in data:
                    self._is_armed, self._late = False, server
                    self.caught.set()
                    self._go.wait(SOON_S)
                if source is self._late and self._go.is_set():
                    self.done.set()
                with suppress(OSError):  # whoever asked may have left
                    target.sendall(data)


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[HoldingProxy]:
    with closing(HoldingProxy(redis_server.port)) as opened:
        yield opened


@pytest.fixture
def store(proxy: HoldingProxy, caplog: pytest.LogCaptureFixture) -> Iterator[RedisStore]:
    caplog.set_level(logging.CRITICAL, "hookline.limits")
    opened = RedisStore(proxy.url, SYSTEM_CLOCK, patience_s=0.3, lease_s=30)
    must_take(opened, (TOKENS, 1), (RUNNING, 1)).settle([0, 0])  # so that Redis knows the scripts
    yield opened
    opened.close()


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + SOON_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def when_undone(store: RedisStore) -> None:
    """Wait until the store has taken back what it could not be sure of."""
    until(lambda: store._keeper.left == 0 and store.check() is None)


def test_what_is_taken_after_it_was_taken_back_is_not_taken(proxy: HoldingProxy, store: RedisStore) -> None:
    proxy.catch_next()
    with pytest.raises(StoreUnavailableError):
        take(store, (TOKENS, 700), (RUNNING, 2))
    assert proxy.caught.is_set()
    when_undone(store)

    proxy.let_go()

    assert proxy.done.wait(SOON_S)
    assert store.look([TOKENS, RUNNING]) == [0, 0]
    must_take(store, (TOKENS, 1000), (RUNNING, 2))


def test_the_first_of_a_process_that_is_taken_too_late_is_not_taken(
    proxy: HoldingProxy, store: RedisStore
) -> None:
    with closing(RedisStore(proxy.url, SYSTEM_CLOCK, patience_s=0.3, lease_s=30)) as other:
        proxy.catch_next()
        with pytest.raises(StoreUnavailableError):
            take(other, (RUNNING, 2))
        when_undone(other)

        proxy.let_go()

        assert proxy.done.wait(SOON_S)
        assert other.look([RUNNING]) == [0]
        must_take(other, (RUNNING, 2))


def test_what_is_taken_back_is_remembered_for_no_more_than_an_hour(
    proxy: HoldingProxy, store: RedisStore, redis_server: RedisServer
) -> None:
    proxy.catch_next()
    with pytest.raises(StoreUnavailableError):
        take(store, (RUNNING, 1))
    when_undone(store)

    with redis.Redis.from_url(redis_server.url) as client:
        names = client.keys("{hookline-limits}:o:*:*")
        assert len(names) == 1
        assert 3_500_000 < client.pttl(names[0]) <= 3_600_000


def test_a_call_whose_owner_was_forgotten_is_booked_once_though_both_tries_arrive(
    proxy: HoldingProxy, store: RedisStore, redis_server: RedisServer
) -> None:
    hold = must_take(store, (TOKENS, 500))
    proxy.catch_next()
    hold.settle([120])
    with redis.Redis.from_url(redis_server.url) as client:
        for name in client.keys("{hookline-limits}:o:*"):
            client.delete(name)
    when_undone(store)

    proxy.let_go()

    assert proxy.done.wait(SOON_S)
    assert store.look([TOKENS]) == [120]


# ---------------------------------------------------------------- how long counters are kept


@pytest.fixture
def lab(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreLab]:
    follow_clock(monkeypatch)
    clock = RedisClock(redis_server.url)
    yield StoreLab(kind="redis", clock=clock, folder=Path(), url=redis_server.url)
    clock.close()


def test_nothing_that_happens_to_a_counter_shortens_its_life(
    lab: StoreLab, redis_server: RedisServer
) -> None:
    limited = counter("100 tokens / 10m")
    with closing(lab.open()) as store, redis.Redis.from_url(redis_server.url) as client:
        name = "{hookline-limits}:c:" + limited.name
        old, older = must_take(store, (limited, 1)), must_take(store, (limited, 1))
        lab.clock.advance(540)
        must_take(store, (limited, 90)).settle([98])
        kept_ms = client.pttl(name)
        assert kept_ms > 600_000

        for step in (
            lambda: old.settle([1]),
            lambda: older.settle([0]),
            lambda: must_refuse(store, (limited, 50)),
            lambda: store.look([limited]),
            lambda: lab.set_clock_back(300),
            lambda: must_refuse(store, (limited, 50)),
            lambda: must_take(store, (limited, 1)).settle([0]),
        ):
            step()
            assert client.pttl(name) > kept_ms - 5000


def test_what_a_refused_call_moves_to_the_present_still_goes_away_by_itself(
    lab: StoreLab, redis_server: RedisServer
) -> None:
    limited = counter("10 tokens / minute")
    with closing(lab.open()) as store, redis.Redis.from_url(redis_server.url) as client:
        must_take(store, (limited, 10)).settle([10])
        lab.set_clock_back(3600)

        must_refuse(store, (limited, 1))

        assert 60_000 < client.pttl("{hookline-limits}:c:" + limited.name) < 200_000
