"""What an upstream says of its own models goes before the table."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from hookline_lifecycle.live_lists import FRESH_S, LiveLists
from small_service import whole

if TYPE_CHECKING:
    from tests.hooks.hookline_lifecycle.conftest import Serve, Served

    from hookline.upstream import UpstreamRequest

ELSEWHERE = "http://127.0.0.1:9/v1"
DAY_S = 86_400


def listing(*rows: dict[str, Any], chat: object, **more: object) -> Any:
    """Return an upstream that lists these models, and answers everything else with ``chat``."""

    def answer(request: UpstreamRequest) -> Any:
        if request.path == "/models":
            return whole({"object": "list", "data": list(rows), **more})
        if request.path.startswith("/models/"):
            return whole(next(row for row in rows if row["id"] == request.path.removeprefix("/models/")))
        return whole(chat)

    return answer


def codes_of(served: Served, model: str) -> tuple[int, str | None, str]:
    """Return status, code of the error and code of the warning of a chat."""
    answer = served.chat(model)
    error = (answer.json or {}).get("error") or {}
    return (
        answer.status_code,
        error.get("code"),
        answer.headers.get("x-hookline-warnings", "").partition(":")[0],
    )


@pytest.mark.parametrize("door", ["action", "wire"])
def test_a_date_in_the_list_goes_before_the_table_s(serve: Serve, chat_answer: Any, door: str) -> None:
    rows = ({"id": "gpt-4o", "shutdown_date": "2026-11-01"}, {"id": "gpt-4", "shutdown_date": "2027-05-01"})
    served = serve(listing(*rows, chat=chat_answer))
    assert codes_of(served, "gpt-4o") == (200, None, "model_deprecated")
    assert codes_of(served, "gpt-4")[0] == 404
    listed = (
        served.client.get("/v1/models") if door == "wire" else served.act("list_models", search="nothing")
    )
    assert listed.status_code == 200
    assert codes_of(served, "gpt-4o") == (404, "model_retired", "")
    assert codes_of(served, "gpt-4") == (200, None, "model_deprecated")
    assert served.chat("gpt-4").headers["sunset"] == "Sat, 01 May 2027 00:00:00 GMT"


def test_an_end_that_was_taken_back_is_no_longer_told(serve: Serve, chat_answer: Any) -> None:
    served = serve(listing({"id": "gpt-4", "shutdown_date": None}, chat=chat_answer))
    served.client.get("/v1/models")
    assert codes_of(served, "gpt-4") == (200, None, "")
    served.clock.advance(DAY_S + 1)
    assert codes_of(served, "gpt-4") == (404, "model_retired", "")


def test_a_model_that_is_listed_without_a_word_is_still_there(serve: Serve, chat_answer: Any) -> None:
    served = serve(listing({"id": "gpt-4"}, {"id": "gpt-4o"}, chat=chat_answer))
    served.client.get("/v1/models")
    assert codes_of(served, "gpt-4") == (200, None, "model_deprecated")
    assert "ended on 2026-10-23" in served.chat("gpt-4").headers["x-hookline-warnings"]
    assert codes_of(served, "gpt-4o") == (200, None, "model_deprecated")


def test_an_announced_date_of_an_unknown_model_is_told(serve: Serve, chat_answer: Any) -> None:
    served = serve(listing({"id": "our-model", "shutdown_date": "2027-01-01"}, chat=chat_answer))
    served.client.get("/v1/models")
    answer = served.chat("our-model")
    assert (answer.status_code, answer.headers["sunset"]) == (200, "Fri, 01 Jan 2027 00:00:00 GMT")
    served.clock.advance(60 * DAY_S)
    assert codes_of(served, "our-model")[:2] == (404, "model_retired")


def test_one_model_that_was_asked_for_is_learned_too(serve: Serve, chat_answer: Any) -> None:
    served = serve(listing({"id": "gpt-4o", "shutdown_date": "2026-11-01"}, chat=chat_answer))
    assert served.client.get("/v1/models/gpt-4o").status_code == 200
    assert codes_of(served, "gpt-4o")[:2] == (404, "model_retired")
    assert codes_of(served, "gpt-4.1") == (200, None, "model_deprecated")


def test_listing_models_is_never_done_on_behalf_of_a_call(serve: Serve) -> None:
    served = serve(base_url=ELSEWHERE)
    served.chat("gpt-4")
    assert [path for path, _ in served.sent] == ["/chat/completions"]


# ---------------------------------------------------------------- other servers: their list decides


def test_what_another_server_lists_exists_and_the_table_is_silent(serve: Serve, chat_answer: Any) -> None:
    served = serve(
        listing({"id": "gpt-4"}, {"id": "gpt-4o", "shutdown_date": None}, chat=chat_answer),
        base_url=ELSEWHERE,
    )
    served.client.get("/v1/models")
    assert codes_of(served, "gpt-4") == (200, None, "")
    assert codes_of(served, "gpt-4o") == (200, None, "")


def test_what_another_server_does_not_list_and_openai_retired_is_gone(serve: Serve, chat_answer: Any) -> None:
    served = serve(listing({"id": "gpt-5.6-sol"}, chat=chat_answer), base_url=ELSEWHERE, on_retired="replace")
    served.client.get("/v1/models")
    answer = served.chat("gpt-4")
    assert (answer.status_code, served.sent[-1][1]["model"]) == (200, "gpt-5.6-sol")
    assert answer.headers["x-hookline-warnings"].startswith("model_replaced")
    assert codes_of(served, "gpt-4o") == (200, None, "")
    served.clock.advance(DAY_S + 1)
    assert served.chat("gpt-4").headers["x-hookline-warnings"].startswith("model_deprecated")
    assert served.sent[-1][1]["model"] == "gpt-4"


def test_a_page_of_a_list_does_not_tell_what_is_missing(serve: Serve, chat_answer: Any) -> None:
    served = serve(listing({"id": "a"}, chat=chat_answer, has_more=True), base_url=ELSEWHERE)
    served.client.get("/v1/models")
    assert codes_of(served, "gpt-4") == (200, None, "model_deprecated")


# ---------------------------------------------------------------- the memory itself


@pytest.mark.parametrize(
    "answer",
    [
        None,
        1,
        "x",
        [],
        {},
        {"data": None},
        {"data": {}},
        {"data": []},
        {"data": [None, 1, "a", [], {}, {"id": 1}, {"id": None}, {"id": ""}]},
        {"data": [{"id": "x" * 201}]},
        {"data": [{"id": "a"}] * 10_001},
        {"id": ["a"]},
        {"id": "x" * 201},
    ],
)
def test_what_is_no_list_of_models_is_not_learned(answer: object) -> None:
    lists = LiveLists()
    lists.learn("openai", answer, now_s=0.0)
    assert lists.of("openai") is None
    assert not lists.known


@pytest.mark.parametrize(
    "ends", [1, True, "", "soon", "2027-13-01", "2027-01-01T00:00:00Z", {}, []], ids=repr
)
def test_a_date_that_is_none_counts_as_not_told(ends: object) -> None:
    lists = LiveLists()
    lists.learn("openai", {"data": [{"id": "a", "shutdown_date": ends}]}, now_s=0.0)
    learned = lists.of("openai")
    assert learned is not None
    assert learned.find("a", now_s=0.0) == "served"


def test_dates_stay_and_the_rest_fades() -> None:
    lists = LiveLists()
    rows = [
        {"id": "dated", "shutdown_date": "2027-01-01"},
        {"id": "endless", "shutdown_date": None},
        {"id": "bare"},
    ]
    lists.learn("openai", {"data": rows}, now_s=100.0)
    learned = lists.of("openai")
    assert learned is not None
    for now_s, endless, bare, lacks in (
        (100.0, "no_end", "served", True),
        (100.0 + FRESH_S, None, None, False),
    ):
        assert learned.find("dated", now_s=now_s) == date(2027, 1, 1)
        assert learned.find("endless", now_s=now_s) == endless
        assert learned.find("bare", now_s=now_s) == bare
        assert learned.lacks("other", now_s=now_s) is lacks
        assert learned.find("other", now_s=now_s) is None


def test_a_row_that_cannot_be_read_leaves_open_what_is_missing() -> None:
    lists = LiveLists()
    lists.learn("openai", {"data": [{"id": "a"}, {"name": "b"}]}, now_s=0.0)
    learned = lists.of("openai")
    assert learned is not None
    assert not learned.lacks("b", now_s=0.0)


def test_connections_do_not_share_lists_and_their_number_is_bounded() -> None:
    lists = LiveLists()
    for number in range(150):
        lists.learn(f"c{number}", {"data": [{"id": f"m{number}"}]}, now_s=0.0)
    assert len(lists.known) == 100
    first = lists.of("c0")
    assert first is not None
    assert set(first.models) == {"m0"}
    lists.learn("c0", {"data": [{"id": "new"}]}, now_s=1.0)
    renewed = lists.of("c0")
    assert renewed is not None
    assert set(renewed.models) == {"new"}


def test_single_models_do_not_make_a_list_grow_without_bound() -> None:
    lists = LiveLists()
    lists.learn("c", {"data": [{"id": str(number)} for number in range(10_000)]}, now_s=0.0)
    lists.learn("c", {"id": "one more"}, now_s=0.0)
    learned = lists.of("c")
    assert learned is not None
    assert len(learned.models) == 10_000
