"""Where is counted: what the settings ask for, what survives a restart, and what several workers share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from fake_clock import FakeClock
from hookline import KeyLimits, Principal, parse_limit
from hookline.clock import SYSTEM_CLOCK
from hookline.errors import ConfigurationError, HooklineError, StoreUnavailableError
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.webhook.app import create_app
from hookline_limits import LimitsPlugin
from hookline_limits.choosing import make_store
from hookline_limits.composed_store import ComposedStore
from hookline_limits.memory_store import MemoryStore
from hookline_limits.options import LimitsOptions
from hookline_limits.redis_store import RedisStore
from hookline_limits.rules import Take
from hookline_limits.sqlite_store import SqliteStore
from hookline_limits.store import Refusal, Store
from limits_lab import counter, must_refuse, must_take, take
from small_service import Acme, Allow, LetterMeter, Upstream, make_connector, say

if TYPE_CHECKING:
    from servers import RedisServer

REDIS = "redis://127.0.0.1:1/0"


def choose(*, folder: Path | None = None, workers: int = 1, **options: object) -> type[Store]:
    made = make_store(
        LimitsOptions.model_validate(options), state_dir=folder, workers=workers, clock=SYSTEM_CLOCK
    )
    made.close()
    return type(made)


def test_where_is_counted_follows_from_workers_folder_and_address(tmp_path: Path) -> None:
    assert choose() is MemoryStore
    assert choose(folder=tmp_path) is ComposedStore
    assert choose(folder=tmp_path, workers=2) is SqliteStore
    assert choose(folder=tmp_path, workers=2, redis_url=REDIS) is RedisStore
    assert choose(store="memory", folder=tmp_path, redis_url=REDIS) is MemoryStore
    assert choose(store="sqlite", folder=tmp_path, redis_url=REDIS) is SqliteStore
    assert choose(store="redis", redis_url=REDIS) is RedisStore
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"store": "redis"}, "needs `redis_url`"),
        ({"store": "sqlite"}, "needs a `state_dir`"),
        ({"store": "memory", "workers": 2}, "set `state_dir`"),
        ({"workers": 2}, "set `state_dir`"),
    ],
)
def test_what_cannot_be_counted_keeps_the_gateway_from_starting(
    options: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        choose(**options)  # type: ignore[arg-type]  # workers, and options


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"limits": ["many requests"]}, "is no limit; write one like"),
        ({"limits": ["5 usd / minute"]}, "per day or month"),
        ({"runaway": "100 tokens / hour per flow"}, "counts requests per flow"),
        ({"runaway": "100 requests / hour"}, "counts requests per flow"),
        ({"warn_at": 80}, "less than or equal to 1"),
        ({"redis_ur": "x"}, "redis_url"),
    ],
)
def test_a_wrong_setting_is_named(table: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        open_gateway(None, **table)

    assert "plugins.limits" in str(caught.value)


def test_s37_the_address_of_redis_may_hold_a_password_that_is_never_shown() -> None:
    options = LimitsOptions.model_validate({"redis_url": "redis://:canary-word@127.0.0.1:1/0"})

    assert "canary" not in f"{options!r}{options}{options.model_dump_json()}"


BUDGET = "0.000002 usd / day"
CALLER = Principal(
    key_id="k1",
    scopes=frozenset({"actions:run"}),
    limits=(KeyLimits(key_id="k1", limits=(parse_limit("3 requests / minute"), parse_limit(BUDGET))),),
)


def open_gateway(folder: Path | None, **options: object) -> Gateway:
    host = PluginHost()
    host.register(Acme(make_connector(meter=LetterMeter())), name="acme")
    host.register(Allow(), name="allow")
    host.register(LimitsPlugin(), name="limits")
    settings = Settings.model_validate({"plugins": {"limits": options}, "state_dir": folder})
    return Gateway(settings, host=host, transport=Upstream(), environ={}, clock=FakeClock())


def run(gateway: Gateway) -> HooklineError | None:
    try:
        gateway.pipeline.perform(gateway.pipeline.prepare(CALLER, say()))
    except HooklineError as error:
        return error
    return None


def test_a_budget_survives_a_restart_and_a_short_window_does_not(tmp_path: Path) -> None:
    gateway = open_gateway(tmp_path)
    assert run(gateway) is None  # nobody says what it took, so it is 1,002 of 2,000 nano-dollars
    for _ in range(3):
        error = run(gateway)
    assert error is not None
    assert error.status == 402
    gateway.close()

    gateway = open_gateway(tmp_path)
    error = run(gateway)
    assert error is not None
    assert error.status == 402
    gateway.close()


def test_only_what_lasts_is_written(tmp_path: Path) -> None:
    gateway = open_gateway(tmp_path, limits=["100 requests / hour"])
    short = Principal(key_id="k1", scopes=frozenset({"actions:run"}))

    gateway.pipeline.perform(gateway.pipeline.prepare(short, say()))

    assert not (tmp_path / "limits.sqlite3").exists()
    gateway.close()


MINUTE, DAY, RUNNING = counter("5 requests / minute"), counter("100 tokens / day"), counter("2 concurrent")


def composed(folder: Path) -> Store:
    return make_store(LimitsOptions(), state_dir=folder, workers=1, clock=SYSTEM_CLOCK)


def test_two_stores_take_all_or_nothing_together(tmp_path: Path) -> None:
    store = composed(tmp_path)

    hold = must_take(store, (DAY, 60), (MINUTE, 1), (RUNNING, 1))
    assert must_refuse(store, (MINUTE, 1), (DAY, 60), (RUNNING, 1)).counter is DAY
    assert must_refuse(store, (DAY, 1), (RUNNING, 2)).counter is RUNNING

    assert store.look([MINUTE, DAY, RUNNING]) == [1, 60, 1]
    assert list(hold.used) == [60, 1, 1]
    assert hold.free_in_s(2) is None
    assert hold.free_in_s(1) is not None
    hold.settle([30, 1, 0])
    hold.settle([30, 1, 0])
    assert store.look([DAY, MINUTE, RUNNING]) == [30, 1, 0]
    store.close()


def test_what_one_store_gave_is_given_back_when_the_other_is_out(tmp_path: Path) -> None:
    (tmp_path / "limits.sqlite3").mkdir()  # no file can be there
    store = composed(tmp_path)
    assert store.check() is None  # it was not needed yet

    for _ in range(10):
        with pytest.raises(StoreUnavailableError):
            take(store, (MINUTE, 1), (DAY, 1), (RUNNING, 1))

    assert store.check() is not None
    assert not isinstance(take(store, (MINUTE, 5), (RUNNING, 2)), Refusal)
    store.close()


def test_s37_without_its_store_the_gateway_answers_503_and_is_not_ready(redis_server: RedisServer) -> None:
    gateway = open_gateway(None, redis_url=redis_server.url, limits=["100 requests / minute"])
    client = create_app(gateway).test_client()
    assert client.get("/readyz").status_code == 200
    assert client.post("/actions/acme.say", json={"text": "hi"}).status_code == 200
    redis_server.stop(kill=True)

    answer = client.post("/actions/acme.say", json={"text": "hi"})
    gateway.clock.advance(1)  # type: ignore[attr-defined]  # a clock that tests move
    ready = client.get("/readyz")

    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "store_unavailable")
    assert answer.headers["retry-after"] == "1"
    assert ready.status_code == 503
    assert "limits" in ready.get_json()["missing"][0]
    redis_server.start()
    gateway.clock.advance(5)  # type: ignore[attr-defined]  # a clock that tests move
    assert client.get("/readyz").status_code == 200
    assert client.post("/actions/acme.say", json={"text": "hi"}).status_code == 200
    gateway.close()


def test_several_gateways_share_what_redis_counts(redis_server: RedisServer) -> None:
    gateways = [open_gateway(None, redis_url=redis_server.url) for _ in range(2)]

    came = [run(gateways[number % 2]) for number in range(4)]

    assert [error is None for error in came] == [True, False, False, False]  # the budget is for one such call
    for gateway in gateways:
        gateway.close()


def test_a_take_of_nothing_passes_until_there_is_a_debt(tmp_path: Path) -> None:
    store = composed(tmp_path)
    store.take([Take(DAY, 100)])

    must_take(store, (DAY, 0))
    must_refuse(store, (DAY, 1))
    store.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"limits": ["5 requests / fortnight"]}, "'fortnight' is no time; take second, minute, hour"),
        ({"runaway": "5 tokens / hour"}, "the guard counts requests per flow"),
    ],
)
def test_a_limit_that_is_none_is_refused_in_our_own_words(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LimitsOptions.model_validate(options)

    assert caught.value.errors()[0]["msg"].startswith(words)
