"""Callers that leave while a token is fetched: nothing is lost by that, and nobody else suffers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from flask import Response, after_this_request

from hookline.call import Cancellation
from hookline.order import Order
from oauth_lab import TRIPLE, OAuthLab, oauth_lab
from oauth_service import FIRST_REFRESH_TOKEN, OAuthService

if TYPE_CHECKING:
    from pathlib import Path

MOST_S = 10


class Gate:
    """Holds a token service back, before or after it has done its work."""

    def __init__(self, service: OAuthService, *, is_after: bool) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self.is_after = is_after
        service.entered = self.enter

    def enter(self) -> None:
        if self.is_after:
            after_this_request(self.wait)
        else:
            self.wait(None)

    def wait(self, response: Any) -> Any:
        self.reached.set()
        self.opened.wait(MOST_S)
        return response


@pytest.fixture
def gates() -> Iterator[list[Gate]]:
    """Return a list whose gates are opened at the end."""
    made: list[Gate] = []
    yield made
    for gate in made:
        gate.opened.set()


def leaving(cancellation: Cancellation) -> Order:
    return Order(action_id="acme.list_things", fields={}, cancellation=cancellation)


def call_in_thread(lab: OAuthLab, found: list[Any], order: Order | None = None) -> threading.Thread:
    def call() -> None:
        reply = lab.reply(order)
        assert isinstance(reply.content, bytes)
        found.append((reply.status, orjson.loads(reply.content).get("things")))

    thread = threading.Thread(target=call)
    thread.start()
    return thread


@pytest.mark.parametrize("how", ["the caller leaves", "the time is over"])
def test_a_rotated_refresh_token_is_kept_although_the_call_that_needed_it_is_gone(
    service: OAuthService, gates: list[Gate], tmp_path: Path, how: str
) -> None:
    settings: dict[str, Any] = {"state_dir": str(tmp_path)}
    if how == "the time is over":
        settings["limits"] = {"timeout_s": 0.5}
    lab = oauth_lab(service, credential=TRIPLE, grant="refresh_token", settings=settings)
    lab.gateway.database.upgrade()
    gate = Gate(service, is_after=True)
    gates.append(gate)
    cancellation, gone = Cancellation(), list[Any]()
    leaver = call_in_thread(lab, gone, leaving(cancellation))
    assert gate.reached.wait(MOST_S)
    if how == "the caller leaves":
        cancellation.cancel()
    leaver.join(MOST_S)
    assert gone[0][0] >= 400
    service.entered = lambda: None
    gate.opened.set()
    lab.gateway.close()  # waits until it is kept

    after = oauth_lab(
        service, credential=TRIPLE, grant="refresh_token", settings={"state_dir": str(tmp_path)}
    )
    assert after.call() == (200, [1, 2])
    after.gateway.close()
    assert [one["refresh_token"] for one in service.token_requests] == [FIRST_REFRESH_TOKEN]
    assert not service.is_revoked


def test_a_caller_who_leaves_is_nothing_to_those_who_wait_for_the_same_token(
    service: OAuthService, gates: list[Gate]
) -> None:
    lab = oauth_lab(service)
    gate = Gate(service, is_after=False)
    gates.append(gate)
    cancellation, gone, served = Cancellation(), list[Any](), list[Any]()
    leaver = call_in_thread(lab, gone, leaving(cancellation))
    assert gate.reached.wait(MOST_S)
    others = [call_in_thread(lab, served) for _ in range(4)]

    cancellation.cancel()
    leaver.join(MOST_S)
    assert gone[0][0] >= 400
    gate.opened.set()
    for other in others:
        other.join(MOST_S)

    assert served == [(200, [1, 2])] * 4
    assert len(service.token_requests) == 1
    lab.gateway.close()


def test_one_failure_is_told_to_all_who_wait_and_asked_for_once(
    service: OAuthService, gates: list[Gate]
) -> None:
    service.answer = lambda: Response("{}", 500)
    lab = oauth_lab(service)
    gate = Gate(service, is_after=False)
    gates.append(gate)
    told: list[Any] = []
    callers = [call_in_thread(lab, told) for _ in range(4)]
    assert gate.reached.wait(MOST_S)
    gate.opened.set()
    for caller in callers:
        caller.join(MOST_S)

    assert told == [(502, None)] * 4
    assert len(service.token_requests) == 1
    lab.gateway.close()
