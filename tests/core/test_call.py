"""One call: its id, its deadline and its end."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import FrozenInstanceError

import pytest

from hookline import Call, Connection
from hookline.call import Cancellation, new_call_id
from hookline.principal import InboundRequest
from small_service import CALLER, make_connector


def make_call(*, deadline: float = 0) -> Call:
    connector = make_connector()
    return Call(
        action=connector.actions["acme.say"],
        principal=CALLER,
        connection=Connection(name="acme", connector="acme", base_url=connector.base_url),
        input={"text": "sk-secret"},
        headers={"x-a": "sk-secret"},
        deadline=deadline,
    )


def test_ids_are_random_and_safe_in_headers_and_logs() -> None:
    ids = {new_call_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(re.fullmatch(r"call_[0-9a-f]{24}", id) for id in ids)


def test_a_call_is_read_only_and_shows_no_content() -> None:
    call = make_call()

    with pytest.raises(FrozenInstanceError):
        call.principal = CALLER  # type: ignore[misc]  # what this is about
    assert "sk-secret" not in repr(call)


def test_what_remains_is_counted_from_now() -> None:
    assert 9 < make_call(deadline=time.monotonic() + 10).remaining_s() <= 10
    assert make_call(deadline=time.monotonic() - 1).remaining_s() <= -1


def test_callbacks_run_once_at_cancellation_and_at_once_after_it() -> None:
    ran: list[str] = []
    cancellation = Cancellation()
    cancellation.add(lambda: ran.append("before"))

    assert not cancellation.is_cancelled
    cancellation.cancel()
    cancellation.cancel()
    cancellation.add(lambda: ran.append("after"))

    assert cancellation.is_cancelled
    assert ran == ["before", "after"]


def test_a_forgotten_callback_is_not_run_and_an_unknown_one_is_ignored() -> None:
    ran: list[str] = []
    cancellation = Cancellation()

    def callback() -> None:
        ran.append("ran")

    cancellation.add(callback)
    cancellation.discard(callback)
    cancellation.discard(callback)
    cancellation.cancel()

    assert ran == []


def test_a_callback_may_use_the_cancellation_itself() -> None:
    cancellation = Cancellation()
    ran: list[bool] = []
    cancellation.add(lambda: cancellation.add(lambda: ran.append(cancellation.is_cancelled)))

    cancellation.cancel()

    assert ran == [True]


def test_many_threads_cancel_once() -> None:
    cancellation = Cancellation()
    ran: list[int] = []
    for number in range(100):
        cancellation.add(lambda number=number: ran.append(number))  # type: ignore[misc]  # bound early
    threads = [threading.Thread(target=cancellation.cancel) for _ in range(16)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(ran) == list(range(100))


def test_no_plugin_but_an_authenticator_sees_headers_that_hold_a_credential() -> None:
    headers = {"authorization": "1", "x-api-key": "2", "cookie": "3", "proxy-authorization": "4", "x-a": "5"}
    request = InboundRequest(method="GET", path="/", headers=headers)

    assert request.public_headers() == {"x-a": "5"}
    assert "authorization" not in repr(request)
