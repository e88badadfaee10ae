from __future__ import annotations

import pytest

from hookline.store.circuit import Circuit


class Time:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def circuit(time: Time) -> Circuit:
    return Circuit(rest_s=1.0, monotonic=time)


def test_everybody_enters_while_nothing_failed(circuit: Circuit) -> None:
    assert [circuit.may_enter() for _ in range(3)] == [True, True, True]


def test_nobody_enters_during_the_rest_after_a_failure(circuit: Circuit, time: Time) -> None:
    circuit.fail()
    time.now_s += 0.99

    assert not circuit.may_enter()


def test_after_the_rest_one_tries_while_the_others_still_fail_at_once(circuit: Circuit, time: Time) -> None:
    circuit.fail()
    time.now_s += 1.0

    assert [circuit.may_enter() for _ in range(3)] == [True, False, False]


def test_a_try_that_goes_well_lets_everybody_in(circuit: Circuit, time: Time) -> None:
    circuit.fail()
    time.now_s += 1.0
    circuit.may_enter()
    circuit.pass_()
    circuit.leave()

    assert [circuit.may_enter() for _ in range(2)] == [True, True]


def test_a_try_that_fails_begins_the_rest_anew(circuit: Circuit, time: Time) -> None:
    circuit.fail()
    time.now_s += 1.0
    circuit.may_enter()
    circuit.leave()
    circuit.fail()
    time.now_s += 0.5
    assert not circuit.may_enter()
    time.now_s += 0.5

    assert circuit.may_enter()


def test_a_try_that_ends_without_a_result_leaves_its_place_to_the_next(circuit: Circuit, time: Time) -> None:
    circuit.fail()
    time.now_s += 1.0
    circuit.may_enter()
    circuit.leave()

    assert [circuit.may_enter() for _ in range(2)] == [True, False]
