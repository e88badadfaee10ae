"""Whether calls can be taken: what plugins say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fake_clock import FakeClock
from hookline.webhook.app import create_app
from small_service import make_gateway

if TYPE_CHECKING:
    from hookline.gateway import Gateway


def ask(gateway: Gateway) -> tuple[int, object]:
    answer = create_app(gateway).test_client().get("/readyz")
    return answer.status_code, answer.get_json()["missing"]


def test_a_check_that_finds_something_makes_the_gateway_red_and_then_green_again() -> None:
    clock, found = FakeClock(), ["it is full"]
    gateway = make_gateway(clock=clock)
    gateway.add_readiness_check("cellar", lambda: found[0] if found else None)

    assert ask(gateway) == (503, ["cellar: it is full"])
    found.clear()
    clock.advance(1.0)
    assert ask(gateway) == (200, [])


def test_a_check_that_fails_is_red_and_shows_no_more_than_how() -> None:
    def fail() -> str | None:
        raise ValueError("sk-secret")

    gateway = make_gateway()
    gateway.add_readiness_check("cellar", fail)

    assert ask(gateway) == (503, ["cellar: its check failed with ValueError"])


def test_whoever_asks_without_end_makes_the_checks_run_once_a_second() -> None:
    clock = FakeClock()
    asked: list[float] = []
    gateway = make_gateway(clock=clock)
    gateway.add_readiness_check("cellar", lambda: asked.append(clock.monotonic()))

    for _ in range(10):
        ask(gateway)
        clock.advance(0.25)

    assert len(asked) == 3


def test_whoever_asks_without_end_has_the_threads_looked_at_once_a_second() -> None:
    clock = FakeClock()
    looks: list[float] = []
    gateway = make_gateway(clock=clock)

    def now() -> float:
        looks.append(clock.monotonic())
        return 0.0

    gateway.host.watch.now = now  # each look tells the time once

    for _ in range(10):
        ask(gateway)
        clock.advance(0.25)

    assert len(looks) == 3
    assert gateway.hanging_hooks() == []
