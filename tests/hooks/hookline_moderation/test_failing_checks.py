"""A check that fails lets nothing pass, unless that is wanted; and who reads it learns which one it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.hooks.hookline_moderation.conftest import (
    CATEGORIES,
    MakeWorld,
    World,
    body_of,
    bytes_of,
    chunks,
    events_of,
    judge,
    moderate,
    question,
    stream_of,
)

from hookline import Connector, hookimpl
from hookline.attempt import RetryDecision
from hookline.errors import ConfigurationError, ContentBlockedError, UpstreamUnavailableError
from hookline_moderation.options import ModerationOptions
from hookline_moderation.verdict import WrongAnswerError, blocking_categories, read_answer
from small_service import whole

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.upstream import UpstreamResponse

GOOD: dict[str, Any] = {
    "flagged": False,
    "categories": [],
    "scores": {"violence": 0.1},
    "results": [{"flagged": False, "categories": {"violence": False}, "scores": {"violence": 0.1}}],
}


def changed(path: str, value: object) -> dict[str, Any]:
    """Return a good answer with one member replaced, or taken out if the value is ``...``."""
    answer: dict[str, Any] = {
        **GOOD,
        "results": [{**GOOD["results"][0]}],
    }
    holder, _, name = path.rpartition("/")
    place = answer["results"][0] if holder else answer
    if value is ...:
        del place[name]
    else:
        place[name] = value
    return answer


MALFORMED: list[object] = [
    [],
    "flagged",
    None,
    {},
    changed("flagged", ...),
    changed("flagged", None),
    changed("flagged", "false"),
    changed("flagged", 0),
    changed("categories", ...),
    changed("categories", {"violence": True}),
    changed("categories", [1]),
    changed("categories", ["x" * 101]),
    changed("categories", [""]),
    changed("categories", ["a\nb"]),
    changed("scores", ...),
    changed("scores", [0.5]),
    changed("scores", {"violence": "0.9"}),
    changed("scores", {"violence": True}),
    changed("scores", {"violence": None}),
    changed("scores", {"violence": 1.5}),
    changed("scores", {"violence": -0.1}),
    changed("results", ...),
    changed("results", []),
    changed("results", {}),
    changed("results", [None]),
    changed("results", [GOOD["results"][0]] * 2),
    changed("results/flagged", ...),
    changed("results/flagged", "no"),
    changed("results/categories", None),
    changed("results/categories", {"violence": "no"}),
    changed("results/scores", ...),
    changed("results/scores", {"violence": [0.1]}),
]


class Classifier:
    """A plugin of somebody else that classifies, and answers what it is told to."""

    def __init__(self, answer: Callable[[list[str]], object]) -> None:
        self.asked: list[JsonObject] = []
        self.connector = Connector("acme", title="Acme", base_url="https://acme.example", credential=None)
        self.connector.endpoint(
            "classify",
            "POST",
            "/classify",
            input={
                "type": "object",
                "properties": {"input": {"type": "array", "items": {"type": "string"}}, "model": {}},
                "required": ["input"],
            },
            output={"type": "object"},
            present=lambda call, raw: cast("JsonObject", self._present(call.input, answer)),
        )

    def _present(self, fields: JsonObject, answer: Callable[[list[str]], object]) -> object:
        self.asked.append(fields)
        return answer(cast("list[str]", fields["input"]))


def classify(texts: list[str]) -> object:
    """Return what is found, in the shape that `openai.moderate` answers."""
    raw = [judge(text) for text in texts]
    results = [
        {"flagged": one["flagged"], "categories": one["categories"], "scores": one["category_scores"]}
        for one in raw
    ]
    named = {name for one in raw for name in CATEGORIES if cast("JsonObject", one["categories"])[name]}
    return {"flagged": bool(named), "categories": sorted(named), "scores": {}, "results": results}


@pytest.mark.parametrize("answer", MALFORMED)
def test_an_answer_of_another_shape_is_not_read(answer: object) -> None:
    with pytest.raises(WrongAnswerError):
        read_answer(answer, inputs=1)


def test_the_shape_itself_is_read() -> None:
    findings = read_answer(GOOD, inputs=1)

    assert (findings.is_flagged, findings.flagged, findings.scores) == (False, set(), {"violence": 0.1})


@pytest.mark.parametrize("answer", [answer for answer in MALFORMED if isinstance(answer, dict)])
def test_an_answer_of_another_shape_stops_the_call(make_world: MakeWorld, answer: object) -> None:
    classifier = Classifier(lambda texts: answer)
    world = make_world(check_input=True, classifier="acme.classify", plugins={"acme": classifier})

    reply = world.run(question("Hello"))

    body = body_of(reply)
    assert (reply.status, body["retryable"], body["check"]) == (503, True, "input")
    assert cast("JsonObject", body["error"])["code"] == "moderation_unavailable"
    assert "The check of the input failed, so nothing was sent: the answer of `acme.classify`" in cast(
        "str", body["detail"]
    )
    assert (len(classifier.asked), world.chats) == (1, [])


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        b"<html>",
        [],
        {"results": []},
        {"results": [{}]},
        {"results": [judge(""), judge("")]},
        {"results": [{**judge(""), "flagged": "yes"}]},
        {"results": [{**judge(""), "categories": []}]},
        {"results": [{**judge(""), "category_scores": {"hate": 2}}]},
    ],
)
@pytest.mark.parametrize("door", ["action", "wire"])
def test_garbage_from_the_service_stops_the_call(make_world: MakeWorld, answer: object, door: str) -> None:
    world = make_world(check_input=True, moderation=lambda body: whole(answer))

    reply = world.run(question(), door=door)

    assert reply.status == 503
    assert cast("JsonObject", body_of(reply)["error"])["code"] == "moderation_unavailable"
    assert (len(world.moderated), world.asked) == (1, [])


def test_the_classifier_of_another_plugin_decides(make_world: MakeWorld) -> None:
    classifier = Classifier(classify)
    world = make_world(
        check_input=True, check_output=True, classifier="acme.classify", plugins={"acme": classifier}
    )

    assert world.run(question("Hello")).status == 200
    assert world.run(question("forbidden")).status == 400

    assert [fields["input"] for fields in classifier.asked] == [["Hello"], ["Fine."], ["forbidden"]]
    assert (len(world.chats), world.moderated) == (1, [])


def refuse(status: int, code: str, **headers: str) -> Callable[[JsonObject], UpstreamResponse]:
    error = {"message": "Please say nothing of secret-words.", "type": "t", "param": None, "code": code}
    return lambda body: whole({"error": error}, status=status, **headers)


def answer_nothing(body: JsonObject) -> object:
    return {"results": []}


@pytest.mark.parametrize(
    ("moderation", "said", "retryable", "wait"),
    [
        (refuse(503, "x"), "`openai.moderate` failed with `upstream_unavailable` (502)", True, None),
        (
            refuse(429, "rate_limit_exceeded", retry_after="7"),
            "`openai.moderate` failed with `rate_limit_exceeded` (429)",
            True,
            7,
        ),
        (refuse(401, "invalid_api_key"), "`upstream_credential_rejected` (502)", False, None),
        (refuse(400, "Strange Code!"), "`openai.moderate` failed with `request_rejected` (400)", False, None),
        (refuse(429, "insufficient_quota"), "`insufficient_quota` (402)", False, None),
    ],
)
def test_a_classifier_that_fails_stops_the_call(
    make_world: MakeWorld,
    moderation: Callable[[JsonObject], object],
    said: str,
    retryable: bool,
    wait: int | None,
) -> None:
    world = make_world(check_input=True, moderation=moderation)

    reply = world.run(question())

    body = body_of(reply)
    assert (reply.status, body["retryable"], body["retry_after"]) == (503, retryable, wait)
    assert said in cast("str", body["detail"])
    assert b"secret-words" not in bytes_of(reply)
    assert (len(world.moderated), world.asked) == (1, [])


def test_a_wrong_check_of_the_output_withholds_the_answer(make_world: MakeWorld) -> None:
    world = make_world(check_output=True, moderation=refuse(500, "x"))

    body = body_of(world.run(question()))

    assert (body["status"], body["check"]) == (503, "output")
    assert "the answer is withheld" in cast("str", body["detail"])
    assert "text" not in body
    assert (len(world.asked), len(world.moderated)) == (1, 1)


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize("moderation", [refuse(500, "x"), answer_nothing], ids=["refusal", "garbage"])
def test_where_it_is_allowed_the_call_goes_on_with_a_warning(
    make_world: MakeWorld, side: str, moderation: Callable[[JsonObject], object]
) -> None:
    world = make_world(
        moderation=moderation,
        on_failure="allow",
        check_input=side == "input",
        check_output=side == "output",
    )

    body = body_of(world.run(question()))
    wire = world.run(question(), door="wire")

    assert body["text"] == "Fine."
    (warning,) = cast("list[dict[str, str]]", body["warnings"])
    assert warning["code"] == "moderation_skipped"
    assert warning["message"].startswith(f"The {side} was not checked, or only in part: `openai.moderate`")
    assert dict(wire.headers)["x-hookline-warnings"].startswith("moderation_skipped: ")
    assert (len(world.asked), len(world.moderated)) == (2, 2)


def test_a_deadline_that_passes_during_the_check_stops_the_call(make_world: MakeWorld) -> None:
    worlds: list[World] = []

    def dawdle(body: JsonObject) -> JsonObject:
        worlds[0].clock.advance(10_000)
        return moderate(body)

    worlds.append(make_world(check_input=True, moderation=dawdle))

    body = body_of(worlds[0].run(question()))

    assert (body["status"], body["check"]) == (503, "input")
    assert "(504)" in cast("str", body["detail"])
    assert worlds[0].asked == []


@pytest.mark.parametrize("door", ["action", "wire"])
@pytest.mark.parametrize("fails", [True, False])
def test_a_check_that_fails_in_a_stream_ends_it_with_nothing_delivered(
    make_world: MakeWorld, door: str, fails: bool
) -> None:
    failing: Callable[[JsonObject], object] = refuse(500, "x") if fails else answer_nothing
    world = make_world(
        lambda request: stream_of(chunks(["word "] * 400)), check_output=True, moderation=failing
    )

    events = events_of(world.run(question(stream=True), door=door))

    assert len(world.moderated) == 1
    assert not [event for event in events if "choices" in event or event.get("type") == "text"]
    error = cast("JsonObject", events[-1]["error"])
    assert error["code"] == "moderation_unavailable"


def test_a_stream_goes_on_unchecked_where_that_is_allowed(make_world: MakeWorld) -> None:
    world = make_world(
        lambda request: stream_of(chunks(["forbidden "] * 10)),
        check_output=True,
        moderation=refuse(500, "x"),
        on_failure="allow",
    )

    events = events_of(world.run(question(stream=True)))

    output = cast("JsonObject", events[-1]["output"])
    assert output["text"] == "forbidden " * 10
    assert [warning["code"] for warning in cast("list[dict[str, str]]", output["warnings"])] == [
        "moderation_skipped"
    ]


def test_an_action_that_does_not_classify_keeps_the_gateway_from_starting(make_world: MakeWorld) -> None:
    with pytest.raises(ConfigurationError, match=r"'openai\.chat' does not classify"):
        make_world(check_input=True, classifier="openai.chat")


def test_an_unknown_classifier_keeps_the_gateway_from_starting(make_world: MakeWorld) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no action 'acme\.guess'"):
        make_world(check_input=True, classifier="acme.guess")


def test_an_unknown_classifier_of_one_key_fails_its_calls(make_world: MakeWorld) -> None:
    world = make_world(keys={"caller": {"check_input": True, "classifier": "acme.guess"}})

    body = body_of(world.run(question()))

    assert (body["status"], body["retryable"]) == (503, False)
    assert "`acme.guess` failed with" in cast("str", body["detail"])
    assert world.asked == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"categories": ["violense"]}, "has no category 'violense'; did you mean 'violence'?"),
        ({"thresholds": {"hatred": 0.5}}, "has no category 'hatred'; did you mean 'hate'?"),
        ({"thresholds": {"hate": 1.5}}, "less than or equal to 1"),
        ({"thresholds": {"hate": -1}}, "greater than or equal to 0"),
        ({"overlap_chars": 300, "max_text_chars": 200}, "`overlap_chars` must be less than"),
        ({"on_failure": "ignore"}, "on_failure"),
        ({"stream_mode": "peek"}, "stream_mode"),
        ({"hold_chars": 0}, "hold_chars"),
        ({"classifier": "moderate"}, "classifier"),
        ({"check_inputs": True}, "Did you mean `check_input`?"),
        ({"keys": {"k": {"categories": ["x"]}}}, "plugins.moderation.keys.k"),
    ],
)
def test_a_wrong_setting_is_found_before_any_traffic(
    make_world: MakeWorld, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_world(**options)

    assert said in caught.value.message


def test_another_classifier_has_categories_of_its_own() -> None:
    options = ModerationOptions(classifier="acme.classify", categories=("spam",), thresholds={"ham": 0.5})

    assert (options.categories, options.thresholds) == (("spam",), {"ham": 0.5})


def answer_with(
    flags: dict[str, bool | None], scores: dict[str, float], *, flagged: bool | None = None
) -> object:
    is_flagged = any(flags.values()) if flagged is None else flagged
    result = {"flagged": is_flagged, "categories": flags, "scores": scores}
    named = [name for name, flag in flags.items() if flag]
    return {"flagged": is_flagged, "categories": named, "scores": scores, "results": [result]}


@pytest.mark.parametrize(
    ("flags", "scores", "options", "expected"),
    [
        ({"hate": False}, {"hate": 0.9}, {}, None),
        ({"hate": True, "sexual": True}, {}, {}, ["hate", "sexual"]),
        ({"hate": True, "sexual": True}, {}, {"categories": ("sexual",)}, ["sexual"]),
        ({"hate": True}, {}, {"categories": ("sexual",)}, None),
        ({"hate": False}, {"hate": 0.5}, {"thresholds": {"hate": 0.5}}, ["hate"]),
        ({"hate": False}, {"hate": 0.49}, {"thresholds": {"hate": 0.5}}, None),
        ({"hate": True}, {"hate": 0.6}, {"thresholds": {"hate": 0.95}}, None),
        ({"hate": True, "sexual": True}, {"hate": 0.6}, {"thresholds": {"hate": 0.95}}, ["sexual"]),
        ({"hate": False}, {"hate": 0.0}, {"thresholds": {"hate": 0}}, ["hate"]),
        ({"hate": False}, {"hate": 0.7}, {"thresholds": {"hate": 0.5}, "categories": ("sexual",)}, ["hate"]),
        ({"illicit": None}, {}, {"thresholds": {"illicit": 0.5}}, None),
        ({"hate": None}, {}, {}, None),
    ],
)
def test_flags_categories_and_thresholds_decide(
    flags: dict[str, bool | None], scores: dict[str, float], options: dict[str, Any], expected: object
) -> None:
    findings = read_answer(answer_with(flags, scores), inputs=1)

    assert blocking_categories(findings, ModerationOptions(**options)) == expected


def test_what_was_flagged_without_a_category_is_blocked() -> None:
    findings = read_answer(answer_with({"hate": False}, {}, flagged=True), inputs=1)

    assert blocking_categories(findings, ModerationOptions(categories=("sexual",))) == []


def test_a_category_with_a_threshold_needs_a_score() -> None:
    findings = read_answer(answer_with({"hate": False}, {}), inputs=1)

    with pytest.raises(WrongAnswerError, match="no score for `sexual`"):
        blocking_categories(findings, ModerationOptions(thresholds={"sexual": 0.5}))


def test_the_worst_of_several_texts_counts() -> None:
    one = {"flagged": False, "categories": {"hate": False}, "scores": {"hate": 0.2}}
    other = {"flagged": True, "categories": {"hate": True}, "scores": {"hate": 0.8}}
    answer = {"flagged": False, "categories": [], "scores": {"hate": 0.1}, "results": [other, one]}

    findings = read_answer(answer, inputs=2)

    assert (findings.is_flagged, findings.flagged, findings.scores) == (True, {"hate"}, {"hate": 0.8})


def test_thresholds_hold_for_real_calls(make_world: MakeWorld) -> None:
    world = make_world(check_input=True, thresholds={"violence": 0.95, "sexual": 0.005})

    body = body_of(world.run(question("forbidden")))

    assert (body["status"], body["categories"]) == (400, ["sexual"])


def test_a_classifier_may_block_by_an_error_of_its_own(make_world: MakeWorld) -> None:
    def block(texts: list[str]) -> object:
        raise ContentBlockedError("No.", details={"categories": ["spam"]})

    world = make_world(
        check_input=True,
        on_failure="allow",
        classifier="acme.classify",
        plugins={"acme": Classifier(block)},
    )

    body = body_of(world.run(question()))

    assert (body["status"], body["categories"], body["source"]) == (400, ["spam"], "input")


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), UpstreamUnavailableError("x"), KeyError("x")])
def test_a_classifier_that_crashes_lets_nothing_pass(make_world: MakeWorld, error: Exception) -> None:
    def crash(texts: list[str]) -> object:
        raise error

    world = make_world(check_input=True, classifier="acme.classify", plugins={"acme": Classifier(crash)})

    reply = world.run(question())

    assert reply.status == 503
    assert world.chats == []


class GivesUp:
    """A plugin that has nothing repeated, and says that it has tried long enough."""

    @hookimpl
    def hookline_retry(self) -> RetryDecision:
        return RetryDecision(again=False)


@pytest.mark.parametrize(("plugins", "header"), [({}, "true"), ({"gives_up": GivesUp()}, "false")])
def test_a_client_is_told_to_come_back_unless_that_was_tried(
    make_world: MakeWorld, plugins: dict[str, object], header: str
) -> None:
    world = make_world(check_input=True, moderation=refuse(503, "x"), plugins=plugins)

    reply = world.run(question(), door="wire")

    assert (reply.status, dict(reply.headers)["x-should-retry"]) == (503, header)
    assert len(world.moderated) == 1
