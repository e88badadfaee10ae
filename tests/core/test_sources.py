"""Options for dropdowns: declared in a few lines, searched, in pages, kept for the caller alone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from forms_lab import FormsLab, caller
from hookline import Connector, Source, SourceRequest
from hookline.engine import dropdowns
from hookline.errors import ConfigurationError, PluginError, RateLimitedError, UpstreamUnavailableError
from hookline.plugins import PluginHost
from hookline.settings import Settings
from small_service import BASE_URL, Allow, Upstream, make_gateway, whole

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = [(f"stage-{number}", f"Stage {number}") for number in range(1, 8)]


class Board:
    """A plugin of somebody else, with a dropdown."""

    def __init__(self, rows: Any = ROWS, **more: Any) -> None:
        self.asked: list[SourceRequest] = []
        self.connector = connector = Connector("board", title="Board", base_url=BASE_URL, credential=None)
        connector.endpoint("list", "GET", "/list", input={"type": "object"}, output={"type": "object"})
        connector.endpoint(
            "move",
            "POST",
            "/move",
            input={"type": "object", "properties": {"stage": {"x-options": "board.stages?lane=fast"}}},
            output={"type": "object"},
        )

        @connector.source("stages", title="Stages", parameters=["lane"], **more)
        def stages(request: SourceRequest) -> Any:
            self.asked.append(request)
            return rows(request) if callable(rows) else rows


def lab_of(board: Board, **more: Any) -> FormsLab:
    return FormsLab(plugins=[("board", board)], **more)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json
    return [row["id"] for row in answer.json["options"]]


def test_three_lines_make_a_dropdown() -> None:
    lab = lab_of(Board())

    answer = lab.get("/options/board.stages")

    assert answer.json == {
        "options": [{"id": id, "name": name} for id, name in ROWS],
        "next_cursor": None,
        "warnings": [],
    }


def test_the_plain_list_is_for_platforms_that_read_nothing_else() -> None:
    answer = lab_of(Board()).get("/options/board.stages?format=array&limit=2")

    assert answer.json == [{"id": "stage-1", "name": "Stage 1"}, {"id": "stage-2", "name": "Stage 2"}]
    assert answer.headers["link"].startswith("</options/board.stages?")
    assert answer.headers["link"].endswith('>; rel="next"')


@pytest.mark.parametrize(("q", "found"), [("STAGE 3", ["stage-3"]), ("e-7", ["stage-7"]), ("nothing", [])])
def test_a_search_matches_anywhere(q: str, found: list[str]) -> None:
    assert ids(lab_of(Board()).get(f"/options/board.stages?q={q}")) == found


def test_pages_go_on_where_the_last_one_ended_also_when_the_list_changed() -> None:
    rows = list(ROWS)
    board = Board(lambda request: list(rows), cache_s=0)
    lab = lab_of(board)
    first = lab.get("/options/board.stages?limit=3").json

    rows.insert(0, ("new", "New"))
    second = lab.get(f"/options/board.stages?limit=3&cursor={first['next_cursor']}").json
    rows.remove(("stage-6", "Stage 6"))
    third = lab.get(f"/options/board.stages?limit=3&cursor={second['next_cursor']}").json

    assert [row["id"] for row in second["options"]] == ["stage-4", "stage-5", "stage-6"]
    assert [row["id"] for row in third["options"]] == ["stage-7"]
    assert third["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("q=%00", "q"),
        ("q=" + "a" * 201, "q"),
        ("q=a%0d%0ab", "q"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e2", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=W10", "cursor"),
        ("cursor=WzEsMl0", "cursor"),
        ("cursor=Wy0xLCJhIl0", "cursor"),
        ("cursor=W3RydWUsImEiXQ", "cursor"),
        ("cursor=WzFlOTksImEiXQ", "cursor"),
        ("cursor=" + "A" * 5000, "cursor"),
        ("cursor=..%2F..%2Fetc", "cursor"),
        ("format=xml", "format"),
        ("lane=" + "a" * 201, "lane"),
        ("lane=%00", "lane"),
        ("action=board.nothing", "action"),
        ("action=openai.chat", "action"),
        ("action=%00", "action"),
    ],
)
def test_a_parameter_that_is_not_valid_is_named(query: str, field: str) -> None:
    board = Board()

    answer = lab_of(board).get(f"/options/board.stages?{query}")

    assert (answer.status_code, answer.json["field"]) == (400, field)
    assert f"`{field}`" in answer.json["message"]
    assert board.asked == []


def test_unknown_parameters_are_the_business_of_others() -> None:
    board = Board()

    lab_of(board).get("/options/board.stages?profile=zapier&lane=slow&more=1")

    assert board.asked[0].parameters == {"lane": "slow"}


def test_an_action_says_what_its_field_wants_and_the_caller_may_say_otherwise() -> None:
    board = Board()
    lab = lab_of(board)

    lab.get("/options/board.stages?action=board.move")
    lab.get("/options/board.stages?action=board.move&lane=slow")

    assert [one.parameters for one in board.asked] == [{"lane": "fast"}, {"lane": "slow"}]


def test_a_form_that_opens_five_times_asks_once_until_a_minute_is_over() -> None:
    board = Board()
    lab = lab_of(board)

    for _ in range(5):
        lab.get("/options/board.stages?q=stage")
    assert len(board.asked) == 1
    lab.clock.advance(59)
    lab.get("/options/board.stages?limit=1")
    assert len(board.asked) == 1
    lab.clock.advance(2)
    lab.get("/options/board.stages")
    assert len(board.asked) == 2


def test_what_is_kept_is_kept_for_one_caller_with_its_rights() -> None:
    """S24."""
    board = Board(lambda request: [(request.principal.tenant, request.principal.key_id)])
    lab = lab_of(board, principals=[caller("oslo", tenant="oslo"), caller("rome", tenant="rome")])

    assert ids(lab.get("/options/board.stages", key="oslo")) == ["oslo"]
    assert ids(lab.get("/options/board.stages", key="rome")) == ["rome"]
    lab.door.known["oslo"] = caller("oslo", tenant="oslo", models=("gpt-*",))
    lab.get("/options/board.stages", key="oslo")
    lab.get("/options/board.stages?lane=slow", key="oslo")
    assert len(board.asked) == 4


def test_five_questions_at_once_are_one() -> None:
    go = threading.Event()

    def slow(request: SourceRequest) -> Any:
        assert go.wait(10)
        return ROWS

    board = Board(slow)
    lab = lab_of(board)
    answers: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ids(lab.get("/options/board.stages"))))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(10)

    assert answers == [[id for id, _ in ROWS]] * 5
    assert len(board.asked) == 1


def test_a_list_with_a_warning_is_kept_for_seconds_only() -> None:
    def doubtful(request: SourceRequest) -> Any:
        request.warn("old", "It is old.")
        return ROWS

    board = Board(doubtful)
    lab = lab_of(board)

    answer = lab.get("/options/board.stages")
    lab.get("/options/board.stages")
    assert len(board.asked) == 1
    lab.clock.advance(6)
    lab.get("/options/board.stages")

    assert answer.json["warnings"] == [{"code": "old", "message": "It is old."}]
    assert answer.headers["x-hookline-warnings"] == "old: It is old."
    assert len(board.asked) == 2


def test_a_source_runs_actions_as_its_caller() -> None:
    def listed(request: SourceRequest) -> Any:
        output = request.run("board.list")
        assert request.calls[0].principal.key_id == "caller"
        return [(str(one), str(one)) for one in output["found"]]  # type: ignore[attr-defined]

    lab = FormsLab({"found": [1, 2]}, plugins=[("board", Board(listed))])

    assert ids(lab.get("/options/board.stages")) == ["1", "2"]
    assert lab.door.calls[0].action.id == "board.list"


def test_a_source_that_fails_tells_why_and_is_asked_again_after_seconds() -> None:
    def failing(request: SourceRequest) -> Any:
        raise UpstreamUnavailableError("The board is down.")

    board = Board(failing)
    lab = lab_of(board)

    answers = [lab.get("/options/board.stages") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [502, 502]
    assert [answer.json["detail"] for answer in answers] == ["The board is down."] * 2
    assert len(board.asked) == 1
    lab.clock.advance(6)
    assert lab.get("/options/board.stages").status_code == 502
    assert len(board.asked) == 2


def test_a_failure_that_says_when_to_come_again_is_kept_no_longer() -> None:
    answers: list[Any] = [RateLimitedError("Too many.", retry_after_s=1.0), None]

    def refusing(request: SourceRequest) -> Any:
        error = answers.pop(0)
        if error is not None:
            raise error
        return ROWS

    lab = lab_of(Board(refusing))

    assert lab.get("/options/board.stages").status_code == 429
    lab.clock.advance(1.1)
    assert len(ids(lab.get("/options/board.stages"))) == 7


def ask_at_once(lab: FormsLab, number: int) -> list[Any]:
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(lab.get("/options/board.stages")))
        for _ in range(number)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return answers


def test_five_questions_at_once_are_one_also_where_it_fails() -> None:
    def failing(request: SourceRequest) -> Any:
        begun.wait(0.2)  # time for the others to come
        raise PluginError("It broke.", plugin="board")

    begun = threading.Event()
    board = Board(failing)

    answers = ask_at_once(lab_of(board), 5)

    assert [answer.status_code for answer in answers] == [500] * 5
    assert len(board.asked) == 1


def test_nobody_waits_without_end_for_the_question_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropdowns, "_PATIENCE_S", 0.05)
    begun, go = threading.Event(), threading.Event()

    def stuck(request: SourceRequest) -> Any:
        begun.set()
        assert go.wait(10)
        return ROWS

    board = Board(stuck)
    lab = lab_of(board)
    first = threading.Thread(target=lambda: lab.get("/options/board.stages"))
    first.start()
    assert begun.wait(10)

    answer = lab.get("/options/board.stages")
    go.set()
    first.join(10)

    assert (answer.status_code, answer.json["retryable"], len(board.asked)) == (504, True, 1)
    assert len(ids(lab.get("/options/board.stages"))) == 7


def test_the_rows_that_are_kept_for_all_callers_together_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dropdowns, "_MAX_KEPT_ROWS", 20)
    board = Board()
    lab = lab_of(board)

    for lane in "abcab":  # seven rows each: two of the three fit
        lab.get(f"/options/board.stages?lane={lane}")
    assert len(board.asked) == 5
    lab.get("/options/board.stages?lane=b")
    assert len(board.asked) == 5
    assert lab.gateway.dropdowns._kept_rows == 14


@pytest.mark.parametrize("rows", [["a"], [("a", 1)], [("a",)], [{"id": "a"}], 7])
def test_a_source_that_returns_something_else_is_to_blame(rows: Any) -> None:
    answer = lab_of(Board(lambda request: rows)).get("/options/board.stages")

    assert (answer.status_code, answer.json["error"]["code"]) in (
        (500, "plugin_failed"),
        (500, "internal_error"),
    )


def test_an_option_is_listed_once_and_no_list_is_endless() -> None:
    def endless(request: SourceRequest) -> Any:
        number = 0
        while True:
            yield (str(number // 2), "a name")
            number += 1

    answer = lab_of(Board(endless)).get("/options/board.stages?limit=1000")

    assert len(set(ids(answer))) == 1000


def test_what_is_not_for_a_caller_is_not_found() -> None:
    lab = lab_of(
        Board(),
        principals=[
            caller("other", actions=("openai.*",)),
            caller("runner", scopes=frozenset({"actions:run"})),
        ],
    )

    missing = lab.get("/options/board.stages", key="other")
    assert (missing.status_code, missing.json["error"]["code"]) == (404, "unknown_source")
    assert "Did you mean board.stages?" in lab.get("/options/board.stage").json["message"]
    assert lab.get("/options/board.stages", key="runner").status_code == 403
    assert lab.get("/options/board.stages", key="nobody").status_code == 401
    listed = [one["id"] for one in lab.get("/options").json["sources"]]
    assert listed == ["board.stages", "openai.models"]
    assert [one["id"] for one in lab.get("/options", key="other").json["sources"]] == ["openai.models"]


@pytest.mark.parametrize("name", ["Stages", "a.b", "", "a" * 60])
def test_a_malformed_name_is_refused(name: str) -> None:
    connector = Connector("acme", title="Acme", base_url=BASE_URL)

    with pytest.raises(ConfigurationError, match="the name must be like"):
        connector.source(name)


def test_a_name_is_taken_once() -> None:
    connector = Connector("acme", title="Acme", base_url=BASE_URL)
    rows: Callable[[SourceRequest], Any] = lambda request: ROWS  # noqa: E731 - a function of one line
    connector.source("stages")(rows)

    with pytest.raises(ConfigurationError, match="defined twice"):
        connector.source("stages")
    gateway = make_gateway(upstream=Upstream(lambda request: whole({})))
    gateway.add_source(Source(id="mine", title="Mine", list=rows))
    with pytest.raises(ConfigurationError, match="already"):
        gateway.add_source(Source(id="mine", title="Mine", list=rows))


def test_a_gateway_without_sources_has_an_empty_list() -> None:
    from hookline.gateway import Gateway
    from hookline.webhook.app import create_app

    host = PluginHost()
    host.register(Allow(), name="allow")
    gateway = Gateway(Settings(), host=host, transport=Upstream(), environ={})

    answer = create_app(gateway).test_client().get("/options", base_url="http://127.0.0.1")

    assert answer.json == {"sources": [], "count": 0}
