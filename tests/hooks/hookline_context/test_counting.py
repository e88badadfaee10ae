"""What is counted besides the published cases: odd shapes, long texts, and what nobody measured."""

# ruff: noqa: RUF001 -- texts in other scripts are what is tested here

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline_context.amounts import NOTHING, Amount, guessed, known, total_of
from hookline_context.fitting import most_tokens
from hookline_context.json_text import json_text, size_of
from hookline_context.message_count import count_message
from hookline_context.options import ContextOptions
from hookline_context.request_count import KINDS, count_request, items_of
from hookline_context.rooms import least_room, room_of
from hookline_context.text_counter import BYTES, SLICE_LENGTH, ExactCounter, counter_for
from hookline_context.tool_text import FUNCTIONS_STYLE, TOOLS_STYLE, write_functions
from hookline_openai.model_table import ModelInfo, bundled

NEWER = counter_for("o200k_base", "auto")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


class Unsliced:
    """A tokenizer that notes what it is asked for."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode_ordinary(self, text: str) -> list[int]:
        self.seen.append(text)
        return [0] * len(text)


def tokens_of(text: str, encoding: str) -> int:
    """Return what the tokenizer says of a whole text."""
    return len(import_module("bpe_openai").get_encoding(encoding).encode_ordinary(text))


def message(**fields: Any) -> Amount:
    return count_message(fields, NEWER, model="gpt-4o")


# ---------------------------------------------------------------- amounts


def test_amounts_add_up_with_how_sure_they_are() -> None:
    assert known(3) + guessed(4) == Amount(7, 3)
    assert total_of([known(1), known(2)]) == known(3)
    assert total_of([]) == NOTHING
    assert (known(3).is_estimate, guessed(3).is_estimate) == (False, True)


# ---------------------------------------------------------------- texts


@pytest.mark.parametrize("encoding", ["cl100k_base", "o200k_base"])
@pytest.mark.parametrize(
    "text",
    [
        "It's a sentence, isn't it? Numbers: 12345 and words.\n\n  Indented. " * 2500,
        "汉字没有空格，但是有标点。" * 9000,
        "कखग घङच, छजझ " * 9000,
        "don't'won't " * 9000,
        "e\u0301te\u0301 " * 20000,
    ],
    ids=["english", "chinese", "hindi", "contractions", "marks"],
)
def test_slices_of_a_long_text_add_up_to_the_whole(encoding: str, text: str) -> None:
    assert len(text) > SLICE_LENGTH
    whole = tokens_of(text, encoding)
    assert counter_for(encoding, "auto").count(text) == known(whole)


def test_a_text_without_any_border_is_cut_and_its_count_is_marked() -> None:
    amount = NEWER.count("x" * 1_000_000)
    assert amount.tokens == 125_000
    assert amount.is_estimate
    assert amount.tokens - amount.at_least < 200


def test_the_tokenizer_never_gets_more_than_a_slice() -> None:
    tokenizer = Unsliced()
    text = "ab cd. " * 60_000
    ExactCounter(tokenizer).count(text)
    assert "".join(tokenizer.seen) == text
    assert max(map(len, tokenizer.seen)) <= SLICE_LENGTH


def test_bytes_bound_any_count() -> None:
    for text in ("", "hello", "ꆈꌠꁱꂷ", "👍", "<|endoftext|>", "\ud800"):
        assert NEWER.count(text).tokens <= BYTES.count(text).tokens


def test_estimates_are_used_where_they_are_asked_for_or_the_encoding_is_not_known() -> None:
    assert counter_for("o200k_base", "auto").is_exact
    for encoding, mode in (("o200k_base", "estimate"), ("p50k_base", "auto"), (None, "auto")):
        assert not counter_for(encoding, mode).is_exact  # type: ignore[arg-type]  # one of the modes


WITHOUT_TOKENIZER = """
import sys
sys.modules["bpe_openai"] = None
from hookline_context.text_counter import counter_for
counter = counter_for("o200k_base", "auto")
amount = counter.count("The quick brown fox.")
print(counter.is_exact, amount.is_estimate, 3 <= amount.tokens <= 10)
"""


def test_without_the_tokenizer_texts_are_estimated() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TOKENIZER], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True", "True"]


def test_the_tokenizer_loads_where_warnings_are_errors() -> None:
    code = (
        "from hookline_context.text_counter import counter_for as c; print(c('o200k_base', 'auto').is_exact)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"


# ---------------------------------------------------------------- messages


def test_tool_calls_and_their_results_are_guessed_and_marked() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}
    amount = message(role="assistant", content=None, tool_calls=[call])
    assert amount == known(3 + 1) + guessed(3) + NEWER.count("look") + NEWER.count('{"a":1}')
    custom = {"id": "call_2", "type": "custom", "custom": {"name": "look", "input": "here"}}
    assert message(role="assistant", tool_calls=[custom]).tokens == 3 + 1 + 3 + 1 + 1
    result = message(role="tool", tool_call_id="call_1", content="found")
    assert result == known(3 + 1 + NEWER.count("found").tokens)


def test_parts_of_a_content_are_counted_by_their_kind() -> None:
    plain = message(
        role="user", content=[{"type": "text", "text": "hello"}, {"type": "text", "text": " you"}]
    )
    assert plain == known(3 + 1 + 1 + 1)
    assert message(role="assistant", content=[{"type": "refusal", "refusal": "No."}]) == known(3 + 1 + 2)
    for part in (
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64," + "A" * 64_000}},
        {"type": "input_audio", "input_audio": {"data": "A" * 64_000, "format": "wav"}},
        {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}},
        {"type": "something_new", "payload": "x" * 100},
    ):
        amount = message(role="user", content=[part])
        assert amount.at_least == 4
        assert amount.tokens > 10


def test_an_earlier_spoken_answer_is_marked_as_a_guess() -> None:
    assert message(role="assistant", audio={"id": "audio_1"}).is_estimate


def test_unknown_members_count_as_their_text() -> None:
    assert message(role="assistant", content="a", reasoning_content="hello") == known(3 + 1 + 1 + 1)
    assert message(role="assistant", content="a", extra={"b": [1]}).tokens > 5


@given(JSON)
def test_any_message_can_be_counted(value: object) -> None:
    for one in (value, {"role": value, "content": value, "name": value, "tool_calls": value, "audio": value}):
        amount = count_message(one, NEWER, model="gpt-4o")
        assert 0 <= amount.at_least <= amount.tokens


@given(JSON)
def test_any_request_can_be_counted_and_never_has_more_tokens_than_bytes(value: object) -> None:
    names = ("messages", "tools", "functions", "tool_choice", "function_call", "response_format")
    tool = {"type": "function", "function": {"name": value, "description": value, "parameters": value}}
    schema = {"properties": {"a": value, "b": {"type": value, "enum": value, "items": value, "anyOf": value}}}
    bodies: list[dict[str, object]] = [
        dict.fromkeys(names, value),
        {"messages": [value, {"role": "user", "content": value}], "tools": [value, tool]},
        {"tools": [{"function": {"name": "f", "parameters": {**schema, "required": value}}}]},
        {"functions": [{"name": "f", "parameters": {"properties": value}}, value]},
    ]
    for body in bodies:
        amount = count_request(body, "chat", NEWER).total
        assert 0 <= amount.at_least <= amount.tokens <= size_of(body) + 64
    for kind, name in (("completion", "prompt"), ("embedding", "input")):
        body = {name: value, "suffix": value}
        tally = count_request(body, kind, NEWER)  # type: ignore[arg-type]  # one of the kinds
        assert tally.total.tokens <= size_of(body) + 64


@given(JSON, st.text(), st.sampled_from(["content", "name", "refusal", "\u00e9"]))
def test_no_request_takes_more_than_is_taken_for_the_most(value: object, text: str, name: str) -> None:
    asked = {"tools": value, "response_format": value, "function_call": text, "seed": 1, "user": text}
    for message in ({"role": "user", name: text}, {"role": text, "content": value}, value):
        body: dict[str, object] = {"messages": [message, {"role": "system", "content": text}], **asked}
        assert count_request(body, "chat", NEWER).total.tokens <= most_tokens(body, "chat")


@pytest.mark.parametrize("name", ["tools", "functions", "tool_choice", "function_call", "response_format"])
@pytest.mark.parametrize("char", ["\x01", "\x7f", '"', "\\", "\u2028", "\U0001f600", "a "])
def test_a_text_where_tools_should_be_takes_no_more_than_is_taken_for_the_most(name: str, char: str) -> None:
    body: dict[str, object] = {"messages": [{"role": "user", "content": "Hi"}], name: char * 1000}
    assert count_request(body, "chat", NEWER).total.tokens <= most_tokens(body, "chat")


@pytest.mark.parametrize("kind", ["chat", "completion", "embedding"])
@pytest.mark.parametrize(
    "bound", [{}, {"max_tokens": 0}, {"max_completion_tokens": 10**7}, {"max_tokens": -3}]
)
def test_what_fits_any_answer_fits_the_one_that_is_asked_for(kind: Any, bound: dict[str, object]) -> None:
    rows = (*bundled(), ModelInfo(id="a", kind="chat"), ModelInfo(id="b", kind="chat", max_input_tokens=9))
    for options in (ContextOptions(), ContextOptions(margin_tokens=500, reserve_output_tokens=10**6)):
        for info in rows:
            least, room = least_room(info, kind, options), room_of(info, kind, bound, options)
            assert (least is None) == (room is None), info.id
            assert least is None or room is None or least <= max(0, min(room.item, room.request)), info.id


# ---------------------------------------------------------------- tools


def nested(depth: int, kind: str) -> dict[str, object]:
    schema: dict[str, object] = {"type": "string"}
    for _ in range(depth):
        schema = (
            {"type": "array", "items": schema}
            if kind == "array"
            else {"type": "object", "properties": {"a": schema}}
        )
    return {"type": "object", "properties": {"deep": schema}}


@pytest.mark.parametrize("style", [TOOLS_STYLE, FUNCTIONS_STYLE], ids=["tools", "functions"])
@pytest.mark.parametrize("kind", ["array", "object"])
def test_schemas_nested_without_end_are_counted_without_recursion(style: Any, kind: str) -> None:
    parameters = nested(50_000, kind)
    text = write_functions([{"name": "f", "parameters": parameters}], style)
    assert 50_000 < len(text) < 5_000_000


def test_many_types_in_many_levels_do_not_multiply() -> None:
    schema: dict[str, object] = {"type": "string"}
    for _ in range(15):
        schema = {"type": ["object"] * 10, "properties": {"a": schema}}
    assert (
        len(write_functions([{"name": "f", "parameters": {"properties": {"b": schema}}}], TOOLS_STYLE)) < 2000
    )


def test_shared_definitions_and_other_tools_are_guessed() -> None:
    definitions = {
        "$defs": {"big": {"description": "word " * 500}},
        "properties": {"a": {"$ref": "#/$defs/big"}},
    }
    body = {
        "messages": [],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": definitions}}],
    }
    amount = count_request(body, "chat", NEWER).total
    assert amount.tokens > 500 > amount.at_least
    custom = {
        "messages": [],
        "tools": [{"type": "custom", "custom": {"name": "f", "description": "word " * 500}}],
    }
    amount = count_request(custom, "chat", NEWER).total
    assert amount.tokens > 500 > amount.at_least


def test_the_schema_of_the_answer_is_guessed() -> None:
    answer = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"description": "word " * 500}}}
    amount = count_request({"messages": [], "response_format": answer}, "chat", NEWER).total
    assert (amount.tokens > 500, amount.at_least) == (True, 3)
    assert count_request(
        {"messages": [], "response_format": {"type": "json_object"}}, "chat", NEWER
    ).total == known(3)


def test_choices_among_tools_are_counted() -> None:
    tool = {"type": "function", "function": {"name": "look"}}
    plain = count_request({"messages": [], "tools": [tool]}, "chat", NEWER).total
    for choice, more in (
        ("auto", 0),
        ("required", 0),
        ("none", 1),
        ({"type": "function", "function": {"name": "look"}}, 8),
    ):
        body = {"messages": [], "tools": [tool], "tool_choice": choice}
        assert count_request(body, "chat", NEWER).total == plain + known(more)


# ---------------------------------------------------------------- prompts and odd JSON


def test_prompts_are_counted_one_by_one_and_token_numbers_by_their_number() -> None:
    for value, items in (
        ("hello", [1]),
        (["hello", "hello world"], [1, 2]),
        ([5, 6, 7], [3]),
        ([[5, 6], [7]], [2, 1]),
        (None, []),
        ([], []),
    ):
        tally = count_request({"prompt": value}, "completion", NEWER)
        assert [item.tokens for item in tally.items] == items
    with_suffix = count_request({"prompt": "hello", "suffix": "hello"}, "completion", NEWER)
    assert (with_suffix.fixed, with_suffix.total) == (known(1), known(2))


def test_items_are_found_by_the_kind_of_request() -> None:
    assert items_of({"input": [1, 2]}, "embedding") == [[1, 2]]
    assert items_of({"messages": [1, 2]}, "chat") == [1, 2]
    assert items_of({"messages": "text"}, "chat") == ["text"]
    assert [KINDS.get(path) for path in ("/chat/completions", "/completions", "/embeddings", "/edits")] == [
        "chat",
        "completion",
        "embedding",
        None,
    ]


def test_json_that_is_too_deep_to_be_written_still_has_a_text_and_a_size() -> None:
    deep: object = "bottom"
    for _ in range(5000):
        deep = {"a": [deep, 1, None]}
    assert "bottom" in json_text(deep)
    assert size_of(deep) > 5000 * len('{"a":[,1,null]}') - 1
    assert json_text({"a": [1]}) == '{"a":[1]}'


@given(st.text(alphabet="ab cdE'\n\t.,1é汉க\u0bcd👍\u0301-_/s re ll", min_size=200, max_size=400))
def test_slices_of_any_text_add_up_to_the_whole(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hookline_context.text_counter.SLICE_LENGTH", 60)
        patch.setattr("hookline_context.text_counter._SEARCH_LENGTH", 59)
        for encoding in ("cl100k_base", "o200k_base"):
            amount = counter_for(encoding, "auto").count(text)
            whole = tokens_of(text, encoding)
            assert amount == known(whole) if not amount.is_estimate else amount.at_least <= whole
