"""Large answers on the wire door: passed on as they came, checked as a whole, read only when looked at."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline import Call, Reply, Response, Usage, hookimpl
from hookline.engine import large_answers
from hookline.engine.large_answers import read_members
from small_service import CALLER, Acme, LetterMeter, make_connector, make_gateway, say_on_the_wire, whole

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("usage", "tier")
FILLING = ["x" * 1000] * 100

keys = st.sampled_from([*NAMES, '"usage":', "data", "us\\age"]) | st.text(max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | keys,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(keys, below, max_size=4),
    max_leaves=20,
)


def refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def read_strictly(content: bytes) -> object:
    """Return what Python's own reader makes of a text that is JSON to the letter."""
    return json.loads(content.decode("utf-8"), parse_constant=refuse_constant)


def assert_agrees(content: bytes) -> None:
    """Check that what is read of a text, if anything is, is what the whole of it says."""
    found = read_members(content, NAMES)
    if found is not None:
        whole_answer = read_strictly(content)
        assert isinstance(whole_answer, dict)
        assert found == {name: value for name, value in whole_answer.items() if name in NAMES}


@given(st.dictionaries(keys, values), st.booleans(), st.sampled_from([None, 1]))
def test_members_are_those_of_the_whole_answer(
    answer: dict[str, object], is_ascii: bool, indent: int | None
) -> None:
    content = json.dumps(answer, ensure_ascii=is_ascii, indent=indent).encode("utf-8", "surrogatepass")

    assert_agrees(content)


@given(st.dictionaries(keys, values, min_size=1), st.data())
def test_what_is_cut_or_changed_anywhere_is_read_rightly_or_not_at_all(
    answer: dict[str, object], data: st.DataObject
) -> None:
    content = json.dumps(answer).encode()
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, len(content)))
    put = data.draw(
        st.binary(max_size=3) | st.sampled_from([b'"', b"}", b'","usage":{', b"\\", b"NaN", b"-"])
    )

    assert_agrees(content[:start] + put + content[stop:])
    if content[:stop] != content:
        assert read_members(content[:stop], NAMES) is None


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":NaN}', b'{"a":-Infinity}', b'{"usage":1', b'{"usage":1}}', b'{"usage":1}{}', b'{"a":[1,]}',
        b'{"a":01}', b"[1]", b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"\xef\xbb\xbf{}", b"null",
        b"", b"<html></html>",
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_in_doubt(content: bytes) -> None:
    assert read_members(content, NAMES) is None


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"usage":{"n":1},"data":[{"usage":2}]}', {"usage": {"n": 1}}),
        (b'{"text":"\\"usage\\":{\\"n\\":9}","usage":{"n":1}}', {"usage": {"n": 1}}),
        (b'{"usage":1,"\\u0075sage":2}', {"usage": 2}),
        (b'{"data":[]}', {}),
        (b'{"usage":null,"tier":"t"}', {"usage": None, "tier": "t"}),
    ],
)
def test_only_members_at_the_top_are_found_wherever_they_stand(
    content: bytes, found: dict[str, object]
) -> None:
    assert read_members(content, NAMES) == found


# ---------------------------------------------------------------- in the pipeline


class ToldMeter(LetterMeter):
    """Reads the usage that an answer tells."""

    reads = ("usage",)

    def __init__(self) -> None:
        self.seen: list[object] = []

    def read(self, call: Call, answer: object) -> Usage | None:
        self.seen.append(answer)
        return Usage(input_tokens=3, output_tokens=0)


def processing(look: Callable[[Response], object]) -> object:
    class Process:
        @hookimpl
        def hookline_process_response(self, response: Response) -> None:
            look(response)

    return Process()


def pass_on(content: bytes, *plugins: object, meter: Any = None) -> Reply:
    service = Acme(make_connector(meter=meter or ToldMeter()))
    gateway = make_gateway(*plugins, answer=lambda request: whole(content), service=service)
    return gateway.runner.run(CALLER, say_on_the_wire())


def written(**members: object) -> bytes:
    return json.dumps({"text": "hello", "filling": FILLING, **members}, indent=1).encode()


def test_a_large_answer_is_passed_on_as_it_came_and_its_meter_gets_what_it_reads() -> None:
    content, meter = written(usage={"n": 1}), ToldMeter()

    reply = pass_on(content, meter=meter)

    assert (reply.status, reply.content) == (200, content)
    assert meter.seen == [{"usage": {"n": 1}}]


def test_nobody_reads_a_large_answer_that_nobody_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    monkeypatch.setattr(large_answers.UnreadAnswer, "read", read.append)

    reply = pass_on(written(), processing(lambda response: response.headers.update({"x-seen": "1"})))

    assert ("x-seen", "1") in reply.headers
    assert read == []


@pytest.mark.parametrize(
    "name", ["_meta", "__x", "model_config", "json", "model_fields_set", "a-b", "", "self"]
)
def test_a_meter_gets_members_of_any_name(name: str) -> None:
    class NamedMeter(ToldMeter):
        reads: Any = (name, "missing")

    meter, content = NamedMeter(), written(**{name: {"n": 1}})

    reply = pass_on(content, meter=meter)

    assert (reply.status, reply.content) == (200, content)
    assert meter.seen == [{name: {"n": 1}}]


def test_a_meter_that_does_not_say_what_it_reads_gets_all() -> None:
    class OldMeter(ToldMeter):
        reads: Any = None

    meter = OldMeter()

    pass_on(written(usage=1), meter=meter)

    assert meter.seen == [{"text": "hello", "filling": FILLING, "usage": 1}]


def test_plugins_see_the_whole_of_a_large_answer() -> None:
    seen: list[object] = []
    content = written()

    reply = pass_on(
        content, processing(lambda response: seen.extend([response.raw, response.output["text"]]))
    )

    assert seen == [orjson.loads(content), "hello"]
    assert reply.content == content


def test_what_a_plugin_changes_in_a_large_answer_is_written_back() -> None:
    reply = pass_on(written(), processing(lambda response: response.output.update(text="changed")))

    assert isinstance(reply.content, bytes)
    assert orjson.loads(reply.content) == {"text": "changed", "filling": FILLING}


@pytest.mark.parametrize("is_cut", [True, False])
def test_half_a_large_answer_is_an_error(is_cut: bool) -> None:
    content = written()
    broken = content[:-1] if is_cut else re.sub(rb"}\s*$", b', "n": NaN}', content)

    assert pass_on(broken).status == 502
