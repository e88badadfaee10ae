"""Keys and many items: the whole call is one, however many requests it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hookline.errors import UpstreamUnavailableError
from hookline_bulk import BulkPlugin
from replay_lab import ReplayLab, body_of, is_replayed
from small_service import say, whole

if TYPE_CHECKING:
    from hookline.routes import Reply
    from hookline.upstream import UpstreamRequest, UpstreamResponse

ITEMS: list[object] = [{"text": text} for text in ("one", "two", "bad", "four")]


def answer(request: UpstreamRequest) -> UpstreamResponse:
    text = (request.body or {})["text"]
    if text == "bad":
        return whole({"error": {"message": "No."}}, status=400)
    return whole({"text": f"{text}!"})


def ask(lab: ReplayLab, key: str = "key-1") -> Reply:
    order = say()
    order.fields.clear()
    order.fields["items"] = ITEMS
    return lab.run(order, key)


def test_a_call_with_items_is_given_again_as_it_ended() -> None:
    lab = ReplayLab(answer, plugins={"bulk": BulkPlugin()})
    first, second = ask(lab), ask(lab)
    lab.close()

    assert first.content == second.content
    assert is_replayed(second)
    assert lab.sent == 4
    assert "one!" in str(body_of(second))


def test_items_of_which_one_was_paid_for_are_not_sent_again_although_the_first_was_refused_for_now() -> None:
    def fail(request: UpstreamRequest) -> UpstreamResponse:
        if (request.body or {})["text"] == "one":
            return whole({"error": {"message": "Later."}}, status=429)
        raise UpstreamUnavailableError("The connection broke.", reached_upstream=True)

    lab = ReplayLab(fail, plugins={"bulk": BulkPlugin()})
    first, second = ask(lab), ask(lab)
    lab.close()

    assert (first.status, is_replayed(second), lab.sent) == (429, True, 4)
    assert body_of(first)["retryable"] is False


@pytest.mark.parametrize("reached", [False, True])
def test_items_that_all_failed_are_sent_again_only_if_that_costs_nothing(reached: bool) -> None:
    def fail(request: UpstreamRequest) -> UpstreamResponse:
        raise UpstreamUnavailableError("The connection broke.", reached_upstream=reached)

    lab = ReplayLab(fail, plugins={"bulk": BulkPlugin()})
    first, second = ask(lab), ask(lab)
    lab.close()

    assert first.status == 502
    assert is_replayed(second) is reached
