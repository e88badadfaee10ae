"""Gates: closed as long as was asked, opened little by little, bounded in number."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hookline_retry.gate import MAX_CLOSED_S, MOST_GATES, MOST_MODELS, GateKey, Gates, gate_key

KEY = GateKey("openai", "gpt-4o")


def make_gates(chance: float = 0.5) -> Gates:
    return Gates(random=lambda: chance)


def test_a_gate_that_nobody_closed_is_open() -> None:
    assert make_gates().turn_s(KEY, now_s=0) == 0


def test_a_closed_gate_opens_when_the_wait_is_over() -> None:
    gates = make_gates()
    gates.close(KEY, 20, spread_s=0, now_s=100)
    assert [gates.turn_s(KEY, now_s=now_s) for now_s in (100, 119, 120, 121)] == [20, 1, 0, 0]


def test_the_first_goes_as_soon_as_it_opens_and_the_others_are_spread() -> None:
    chances = iter([0.0, 0.5, 0.9])
    gates = Gates(random=lambda: next(chances))
    gates.close(KEY, 20, spread_s=5, now_s=0)
    assert [gates.turn_s(KEY, now_s=0) for _ in range(4)] == [20, 20, 22.5, 24.5]


def test_a_longer_wait_extends_and_a_shorter_one_never_shortens() -> None:
    gates = make_gates()
    gates.close(KEY, 20, spread_s=0, now_s=0)
    gates.close(KEY, 5, spread_s=0, now_s=1)
    assert gates.turn_s(KEY, now_s=1) == 19
    gates.close(KEY, 30, spread_s=0, now_s=2)
    assert gates.turn_s(KEY, now_s=2) == 30


def test_turns_are_counted_on_when_a_closed_gate_is_closed_again() -> None:
    """Else each of many refusals that come in one after another would make somebody the first."""
    gates = make_gates()
    gates.close(KEY, 20, spread_s=4, now_s=0)
    assert gates.turn_s(KEY, now_s=0) == 20
    gates.close(KEY, 20, spread_s=4, now_s=1)
    assert gates.turn_s(KEY, now_s=1) == 22


def test_closing_tells_whether_the_gate_was_open() -> None:
    gates = make_gates()
    closings = [gates.close(KEY, 20, spread_s=0, now_s=now_s) for now_s in (0, 10, 31)]
    assert closings == [True, False, True]


def test_other_models_and_other_connections_pass() -> None:
    gates = make_gates()
    gates.close(KEY, 20, spread_s=0, now_s=0)
    others = [GateKey("openai", "gpt-5.4-mini"), GateKey("openai", ""), GateKey("second", "gpt-4o")]
    assert [gates.turn_s(other, now_s=0) for other in others] == [0, 0, 0]


def test_no_gate_is_closed_for_longer_than_an_hour() -> None:
    gates = make_gates()
    gates.close(KEY, 7 * 24 * MAX_CLOSED_S, spread_s=0, now_s=0)
    assert gates.turn_s(KEY, now_s=0) == MAX_CLOSED_S


def test_only_the_gates_closed_last_are_remembered() -> None:
    gates = make_gates()
    keys = [GateKey(f"account-{number}", "gpt-4o") for number in range(MOST_GATES + 1)]
    for key in keys:
        gates.close(key, 20, spread_s=0, now_s=0)
    assert [gates.turn_s(key, now_s=0) for key in (keys[0], keys[1], keys[-1])] == [0, 20, 20]


def test_once_many_models_are_closed_the_whole_connection_waits() -> None:
    gates = make_gates()
    other, unasked = GateKey("other", "gpt-4o"), GateKey("openai", "never-asked")
    for number in range(MOST_MODELS):
        assert gates.turn_s(unasked, now_s=0) == 0
        gates.close(GateKey("openai", f"model-{number}"), 20 + number, spread_s=0, now_s=0)

    assert gates.turn_s(unasked, now_s=0) == 20 + MOST_MODELS - 1
    assert gates.turn_s(GateKey("openai", "model-0"), now_s=0) == 20 + MOST_MODELS - 1
    assert gates.turn_s(other, now_s=0) == 0
    assert gates.turn_s(unasked, now_s=30) == 0


@pytest.mark.parametrize(
    ("body", "model"),
    [
        ({"model": "gpt-4o"}, "gpt-4o"),
        ({"input": "x"}, ""),
        (None, ""),
        ([], ""),
        ({"model": None}, ""),
        ({"model": ["gpt-4o"]}, ""),
        ({"model": "m" * 10_000_000}, "m" * 200),
    ],
)
def test_the_model_is_read_from_any_body(body: object, model: str) -> None:
    assert gate_key("openai", body) == ("openai", model)


def test_fifty_threads_get_one_first_turn_and_spread_ones() -> None:
    gates = make_gates(chance=0.25)
    gates.close(KEY, 20, spread_s=4, now_s=0)
    start = threading.Barrier(50)

    def ask() -> float:
        start.wait(10)
        return gates.turn_s(KEY, now_s=0)

    with ThreadPoolExecutor(50) as pool:
        turns = sorted(future.result() for future in [pool.submit(ask) for _ in range(50)])
    assert turns == [20] + [21] * 49
