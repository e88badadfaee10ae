"""What is left out of a conversation, and what never is."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from hookline_context.message_groups import group_messages
from hookline_context.request_count import Kind, count_request
from hookline_context.shortening import Shortened, shorten
from hookline_context.text_counter import TextCounter, counter_for

EXACT = counter_for("o200k_base", "auto")
GUESS = counter_for("o200k_base", "estimate")


def cut(
    body: dict[str, Any], limit: int, *, kind: Kind = "chat", counter: TextCounter = EXACT
) -> Shortened | None:
    return shorten(body, count_request(body, kind, counter), limit, counter)


def total(body: dict[str, Any], kind: Kind = "chat", counter: TextCounter = EXACT) -> int:
    return count_request(body, kind, counter).total.tokens


def called(*ids: str) -> dict[str, object]:
    calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(id: str, text: str = "found") -> dict[str, object]:
    return {"role": "tool", "tool_call_id": id, "content": text}


def said(role: str, tokens: int = 5) -> dict[str, object]:
    return {"role": role, "content": " word" * tokens}


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, object]]:
    messages: list[dict[str, object]] = []
    for number in range(draw(st.integers(1, 12))):
        kind = draw(
            st.sampled_from(["system", "developer", "user", "assistant", "tools", "function", "stray"])
        )
        if kind == "tools":
            ids = [f"call_{number}_{index}" for index in range(draw(st.integers(1, 3)))]
            messages.append(called(*ids))
            for id in draw(st.permutations(ids)):
                messages.append(result(id, " word" * draw(st.integers(0, 40))))
        elif kind == "function":
            messages.append(
                {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
            )
            messages.append({"role": "function", "name": "f", "content": "found"})
        elif kind == "stray":
            messages.append(result("nobody_asked"))
        else:
            messages.append(said(kind, draw(st.integers(0, 60))))
    return messages


@given(messages=conversations(), limit=st.integers(0, 600), is_exact=st.booleans())
def test_a_shortened_conversation_fits_and_makes_sense(
    messages: list[dict[str, object]], limit: int, is_exact: bool
) -> None:
    counter = EXACT if is_exact else GUESS
    body = {"model": "gpt-4o", "messages": messages}
    shortened = cut(body, limit, counter=counter)
    if shortened is None:
        return
    kept: Any = shortened.items
    indexes = [next(i for i, one in enumerate(messages) if one is message) for message in kept]
    assert indexes == sorted(set(indexes))
    assert total({**body, "messages": kept}, counter=counter) <= limit
    assert len(kept) < len(messages)
    users = [index for index, message in enumerate(messages) if message["role"] == "user"]
    must_stay = {
        index for index, message in enumerate(messages) if message["role"] in ("system", "developer")
    }
    assert must_stay | {len(messages) - 1} | set(users[-1:]) <= set(indexes)
    for index, message in enumerate(messages):
        for call in message.get("tool_calls", ()):  # type: ignore[attr-defined]  # a list
            answers = [at for at, one in enumerate(messages) if one.get("tool_call_id") == call["id"]]
            assert {at in indexes for at in (index, *answers)} in ({True}, {False})
        if "function_call" in message:
            assert (index in indexes) == (index + 1 in indexes)


@given(messages=conversations())
def test_the_oldest_go_first(messages: list[dict[str, object]]) -> None:
    body = {"model": "gpt-4o", "messages": messages}
    shortened = cut(body, total(body) - 1)
    groups = group_messages(messages)
    free = [group for group in groups if not group.must_stay]
    if not free:
        assert shortened is None
        return
    assert shortened is not None
    kept: Any = shortened.items
    gone = [index for index, message in enumerate(messages) if not any(message is one for one in kept)]
    first, *others = free
    assert gone[: len(first.indexes)] == first.indexes
    lasting = [group for group in others if not set(group.indexes) & set(gone)]
    assert lasting == others[len(others) - len(lasting) :]


@given(messages=conversations())
def test_every_message_is_in_exactly_one_group(messages: list[dict[str, object]]) -> None:
    groups = group_messages(messages)
    assert sorted(index for group in groups for index in group.indexes) == list(range(len(messages)))


def test_no_more_than_has_to_go_is_left_out() -> None:
    body = {"model": "gpt-4o", "messages": [said("user", 10) for _ in range(10)]}
    shortened = cut(body, total(body) - 1)
    assert shortened is not None
    assert shortened.items == body["messages"][1:]
    assert shortened.told == "Left out, the oldest first: 1 of 10 messages, 14 tokens."


def test_a_conversation_whose_fixed_parts_do_not_fit_is_not_shortened() -> None:
    body = {"model": "gpt-4o", "messages": [said("system", 100), said("assistant", 50), said("user", 100)]}
    assert cut(body, 150) is None
    assert cut(body, 220) is not None


def test_results_that_end_a_conversation_stay_with_their_calls() -> None:
    messages = [
        said("user", 50),
        said("assistant", 50),
        said("user", 5),
        called("a", "b"),
        result("a"),
        result("b"),
    ]
    shortened = cut({"model": "gpt-4o", "messages": messages}, 80)
    assert shortened is not None
    assert shortened.items == messages[2:]


def test_an_id_that_is_used_again_belongs_to_the_latest_call() -> None:
    messages = [said("user"), called("a"), result("a"), said("user"), called("a"), result("a"), said("user")]
    groups = group_messages(messages)
    assert [group.indexes for group in groups] == [[0], [1, 2], [3], [4, 5], [6]]


def test_messages_of_any_shape_are_grouped() -> None:
    odd: list[object] = [
        None,
        5,
        "text",
        [],
        {},
        {"role": []},
        {"role": "tool"},
        {"tool_calls": 5},
        {"tool_calls": [5, {"id": []}]},
    ]
    groups = group_messages(odd)
    assert sum(len(group.indexes) for group in groups) == len(odd)
    assert group_messages([]) == []


def test_a_hundred_thousand_messages_are_shortened_in_one_go() -> None:
    messages = [said("user", 2) for _ in range(100_000)]
    shortened = cut({"model": "gpt-4o", "messages": messages}, 1000)
    assert shortened is not None
    assert 150 < len(shortened.items) < 170  # type: ignore[arg-type]  # a list


# ---------------------------------------------------------------- prompts and texts to embed


@given(text=st.text(max_size=400), limit=st.integers(16, 100))
def test_a_prompt_loses_its_beginning_and_a_text_its_end(text: str, limit: int) -> None:
    for kind, name, keeps in (("completion", "prompt", str.endswith), ("embedding", "input", str.startswith)):
        shortened = cut({name: text}, limit, kind=kind)  # type: ignore[arg-type]  # one of the kinds
        if EXACT.count(text).tokens <= limit:
            assert shortened is None
        else:
            assert shortened is not None
            assert keeps(text, str(shortened.items))
            assert EXACT.count(str(shortened.items)).tokens <= limit


def test_only_the_prompts_that_are_too_long_are_cut_and_the_list_stays_a_list() -> None:
    shortened = cut({"prompt": ["short", " word" * 100]}, 50, kind="completion")
    assert shortened is not None
    first, second = cast("list[str]", shortened.items)
    assert (first, EXACT.count(second).tokens) == ("short", 50)
    assert shortened.told == "Left out: the beginning of 1 of 2 texts, about 50 tokens."
    one = cut({"input": [" word" * 100]}, 50, kind="embedding")
    assert one is not None
    assert isinstance(one.items, list)


def test_numbers_of_tokens_are_cut_at_the_same_ends() -> None:
    numbers = list(range(100))
    for kind, name, left in (("completion", "prompt", numbers[-40:]), ("embedding", "input", numbers[:40])):
        for value, wanted in ((numbers, left), ([numbers, [1]], [left, [1]])):
            shortened = cut({name: value}, 40, kind=kind)  # type: ignore[arg-type]  # one of the kinds
            assert shortened is not None
            assert shortened.items == wanted


def test_a_suffix_takes_its_share_and_may_leave_no_room() -> None:
    body = {"prompt": " word" * 100, "suffix": " word" * 30}
    shortened = cut(body, 80, kind="completion")
    assert shortened is not None
    assert EXACT.count(str(shortened.items)).tokens == 50
    assert cut(body, 40, kind="completion") is None
