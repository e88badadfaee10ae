"""What requests can take, worked out before they are sent."""

from __future__ import annotations

import base64
import json
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.call import Call
from hookline.connection import Connection
from hookline.principal import Principal
from hookline.upstream import UpstreamRequest
from hookline.usage import Usage
from hookline_context.text_counter import counter_for
from hookline_openai.connector import connector
from hookline_openai.estimates import UNKNOWN_OUTPUT, read_count, size_of
from hookline_openai.model_table import find

if TYPE_CHECKING:
    from hookline_openai.model_table import ModelPrice

TESTS = Path(__file__).parents[2]
PUBLISHED = json.loads(
    (TESTS / "hooks" / "hookline_context" / "published_counts.json").read_text(encoding="utf-8")
)["cases"]
MODEL = "gpt-5.4-mini"
SAY: list[Any] = [{"role": "user", "content": "Say hello to Ada in one line."}]


def estimate(verb: str, body: Any, *, path: str | None = None) -> Usage:
    action = connector.actions[f"openai.{verb}"]
    call = Call(
        action=action,
        principal=Principal(key_id="k"),
        connection=Connection(name="openai", connector="openai", base_url="https://api.openai.com/v1"),
        door="wire",
        input=body,
        deadline=time.monotonic() + 60,
    )
    request = UpstreamRequest(method="POST", base_url="", path=path or action.path, body=body)
    assert action.meter is not None
    return action.meter.estimate(call, request)


def chat(**members: Any) -> Usage:
    return estimate("chat", {"model": MODEL, "messages": SAY, **members})


def count(text: str, encoding: str) -> int:
    """Return how many tokens a text has, as the tokenizer counts them."""
    counter = counter_for(encoding, "auto")
    assert counter.is_exact
    return counter.count(text).tokens


def price_of(model: str) -> ModelPrice:
    info = find(model)
    assert info is not None
    assert info.price is not None
    return info.price


# ---------------------------------------------------------------- what is sent


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: f"{case['from']}-{case['name']}-{case['model']}")
def test_a_published_request_never_takes_more_and_not_much_less(case: dict[str, Any]) -> None:
    body = {"model": case["model"], **case["request"], "max_tokens": 1}

    found = estimate("chat", body)

    of_picture = 1250 if "image_url" in str(case["request"]) else 0
    assert case["tokens"] <= found.input_tokens <= 2.2 * case["tokens"] + of_picture
    sent_price, made_price = price_of(case["model"]).input, price_of(case["model"]).output
    assert sent_price is not None
    assert made_price is not None
    assert found.cost_nano_usd is not None
    assert found.cost_nano_usd >= (case["tokens"] * sent_price + made_price) * 1000


TEXTS = {
    "prose": (TESTS.parent / "LICENSE").read_text(encoding="utf-8"),
    "code": Path(__file__).read_text(encoding="utf-8"),
    "JSON": json.dumps(PUBLISHED, separators=(",", ":")),
    "indented JSON": json.dumps(PUBLISHED, indent=2),
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. " * 9,
    "Russian": "Все люди рождаются свободными и равными в своём достоинстве и правах. " * 9,  # noqa: RUF001  # it is Russian
    "Chinese": "人人生而自由,在尊严和权利上一律平等。" * 9,
    "Japanese": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。" * 9,
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।" * 9,
    "base64": base64.b64encode(random.Random(1).randbytes(3000)).decode(),
    "hexadecimal": random.Random(1).randbytes(3000).hex(),
    "digits": "".join(random.Random(1).choices("0123456789", k=3000)),
    "numbers": json.dumps([random.Random(number).random() for number in range(300)]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_likely_to_take_a_little_less_than_its_estimate(name: str) -> None:
    text = TEXTS[name]
    tokens = count(text, "o200k_base")

    likely, most = size_of(text)

    assert tokens <= most == len(text.encode())
    assert 0.98 <= likely / tokens <= (3.5 if name in ("Hindi", "Russian") else 2.3)


def test_figures_of_the_page_about_costs_are_those_that_are_measured() -> None:
    page = (TESTS.parent / "docs" / "explanation" / "costs.md").read_text(encoding="utf-8")
    table = page.partition("| Text | Bytes for one token |")[2].partition("\n\n")[0]
    rows = {name.strip(): (float(size), float(share)) for name, size, share in _cells(table)}
    names = {"English prose": "prose", "Python": "code"}

    for name, shown in rows.items():
        text = TEXTS[names.get(name, name)]
        tokens = count(text, "o200k_base")
        likely, most = size_of(text)
        assert (most / tokens, likely / tokens) == pytest.approx(shown, abs=0.2), name
    assert len(rows) == 10


def _cells(table: str) -> list[list[str]]:
    lines = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    return lines[1:] if set("".join(lines[0])) <= set("- ") else lines


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_no_text_takes_more_than_its_bytes(text: str) -> None:
    tokens = count(text, "cl100k_base")

    likely, most = size_of(text)

    assert tokens <= most
    assert likely <= most


def test_a_prompt_of_100_kilobytes_fits_a_limit_of_30_000_tokens() -> None:
    prose = "All of them saw that the small boat had come back, and nobody knew what it would bring. " * 1200

    found = chat(messages=[{"role": "user", "content": prose[:100_000]}], max_completion_tokens=100)

    assert 22_000 < found.input_tokens < 29_900


def test_token_numbers_are_counted_exactly() -> None:
    model = "text-embedding-3-small"

    assert estimate("embed", {"model": model, "input": [7] * 5000}).input_tokens == 5000
    assert estimate("embed", {"model": model, "input": [[1, 2, 3], [4]]}).input_tokens == 4
    assert estimate("complete", {"model": "davinci-002", "prompt": [1, 2, 3]}).input_tokens == 3


@pytest.mark.parametrize(
    ("model", "part", "likely", "most"),
    [
        (
            MODEL,
            {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 90_000}},
            1250,
            2500,
        ),
        (
            "gpt-4o-mini",
            {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
            25_501,
            48_169,
        ),
        (
            "gpt-4o-audio-preview",
            {"type": "input_audio", "input_audio": {"data": "A" * 64_000, "format": "wav"}},
            10 + 48_000 // 3200,
            10 + 48_000 // 800,
        ),
        (
            "gpt-4o-audio-preview",
            {"type": "input_audio", "input_audio": {"data": "A" * 64_000, "format": "mp3"}},
            10 + 48_000 // 1600,
            10 + 48_000 // 100,
        ),
    ],
    ids=["picture", "picture for gpt-4o-mini", "wav", "mp3"],
)
def test_pictures_and_sound_have_their_own_bounds(
    model: str, part: dict[str, Any], likely: int, most: int
) -> None:
    def ask(content: list[object]) -> Usage:
        body = {"model": model, "messages": [{"role": "user", "content": content}], "max_tokens": 1}
        return estimate("chat", body)

    empty, found = ask([]), ask([part])

    assert found.input_tokens - empty.input_tokens == likely
    price = price_of(model)
    assert empty.cost_nano_usd is not None
    assert found.cost_nano_usd is not None
    text_price = price.input or 0
    highest = max(text_price, price.audio_input or 0)
    sound = part["type"] == "input_audio"
    expected = most * (highest if sound else text_price) * 1000
    frame = (empty.input_tokens + 8) * (highest - text_price) * 1000 if sound else 0
    assert expected <= found.cost_nano_usd - empty.cost_nano_usd + 1 <= expected + frame + 2


def test_a_file_may_fill_all_that_the_model_reads() -> None:
    part = {"type": "file", "file": {"file_id": "file-abc"}}

    found = chat(messages=[{"role": "user", "content": [part]}], max_completion_tokens=0)
    info = find(MODEL)

    assert info is not None
    assert 5000 <= found.input_tokens <= 5100
    room = info.max_input_tokens or info.context_window
    assert room is not None
    assert found.cost_nano_usd is not None
    assert found.cost_nano_usd >= room * int((price_of(MODEL).input or 0) * 1000)


def test_tools_and_schemas_count_as_text() -> None:
    tools = [
        {"type": "function", "function": {"name": "find", "description": "Finds. " * 100, "parameters": {}}}
    ]
    plain = chat().input_tokens

    assert chat(tools=tools).input_tokens > plain + 150
    assert chat(functions=[tools[0]["function"]]).input_tokens > plain + 150
    assert chat(response_format={"type": "json_schema", "json_schema": tools[0]}).input_tokens > plain + 150
    assert chat(metadata={"a": "b" * 500}, user="u" * 500, stop="s" * 500).input_tokens == plain


def test_no_more_is_sent_than_the_model_takes() -> None:
    text = "word " * 2_000_000
    found = chat(messages=[{"role": "user", "content": text}])
    embedded = estimate("embed", {"model": "text-embedding-3-small", "input": [text, text]})
    info = find(MODEL)

    assert info is not None
    assert found.input_tokens == (info.max_input_tokens or info.context_window)
    assert embedded == Usage(input_tokens=2 * 8192, output_tokens=0, cost_nano_usd=2 * 8192 * 20)


# ---------------------------------------------------------------- what is made


@pytest.mark.parametrize(
    ("members", "made"),
    [
        ({"max_completion_tokens": 50}, 50),
        ({"max_tokens": 50}, 50),
        ({"max_tokens": 60, "max_completion_tokens": 50}, 60),
        ({"max_completion_tokens": 50, "n": 3}, 150),
        ({"max_completion_tokens": 50, "best_of": 3}, 150),
        ({"max_completion_tokens": 50, "n": 10**30}, 50 * 128),
        ({"max_completion_tokens": 50, "n": -5}, 50),
        ({"max_completion_tokens": "50", "n": "2"}, 100),
        ({"max_completion_tokens": 49.5, "n": None}, 50),
        ({}, 128_000),
        ({"max_completion_tokens": 0}, 128_000),
        ({"max_completion_tokens": -1}, 128_000),
        ({"max_completion_tokens": "lots"}, 128_000),
        ({"max_completion_tokens": 10**12}, 400_000),
    ],
)
def test_answer_takes_what_was_asked_for_or_all_that_the_model_makes(
    members: dict[str, Any], made: int
) -> None:
    assert chat(**members).output_tokens == made


def test_completions_end_after_sixteen_tokens_unless_told_otherwise() -> None:
    body = {"model": "gpt-3.5-turbo-instruct", "prompt": ["a", "b"], "n": 2}

    assert estimate("complete", body).output_tokens == 16 * 2 * 2
    assert estimate("complete", {**body, "max_tokens": 5}).output_tokens == 5 * 2 * 2
    assert estimate("complete", {**body, "max_tokens": 0}).output_tokens == 0
    as_chat = {"model": MODEL, "messages": SAY}
    assert estimate("complete", as_chat, path="/chat/completions").output_tokens == 128_000


def test_unknown_model_has_a_bound_and_no_cost() -> None:
    found = chat(model="a-model-of-another-server")

    assert (found.output_tokens, found.cost_nano_usd) == (UNKNOWN_OUTPUT, None)


def test_edit_is_measured_as_the_chat_that_it_runs_as() -> None:
    body = {"model": MODEL, "messages": SAY, "n": 2}

    assert estimate("edit", body) == estimate("chat", body)
    native = {"model": "own", "input": "text " * 50, "instruction": "Correct it.", "n": 2}
    assert estimate("edit", native, path="/edits").output_tokens == 2 * UNKNOWN_OUTPUT
    assert estimate("edit", native, path="/edits").input_tokens > 60


def test_moderation_takes_tokens_and_no_money() -> None:
    found = estimate("moderate", {"input": ["Hello there", "you"]})

    assert 3 <= found.input_tokens <= 10
    assert (found.output_tokens, found.cost_nano_usd) == (0, 0)


def test_list_of_models_takes_nothing() -> None:
    assert estimate("list_models", None) == Usage(input_tokens=0, output_tokens=0, cost_nano_usd=0)


@pytest.mark.parametrize(
    ("tier", "is_known"), [(None, True), ("auto", True), ("flex", True), ("priority", False)]
)
def test_tier_that_costs_more_has_no_known_cost(tier: str | None, is_known: bool) -> None:
    assert (chat(service_tier=tier).cost_nano_usd is not None) is is_known


def test_long_prompt_is_set_aside_at_its_higher_price() -> None:
    body = {"model": "gpt-5.4", "messages": [{"role": "user", "content": "x" * 272_001}], "max_tokens": 10}
    found = estimate("chat", body)

    assert found.cost_nano_usd is not None
    assert found.cost_nano_usd >= 272_001 * 5_000 + 10 * 22_500


# ---------------------------------------------------------------- whatever is sent

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "type",
                    "text",
                    "image_url",
                    "input_audio",
                    "data",
                    "file",
                    "audio",
                    "name",
                    "url",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
FIELDS = (
    *("model", "messages", "prompt", "input", "tools", "n", "best_of", "max_tokens", "max_completion_tokens"),
    *("response_format", "modalities", "audio", "service_tier", "instruction", "suffix"),
)
BODIES: Any = st.dictionaries(
    st.sampled_from(FIELDS),
    JSON | st.just(MODEL) | st.lists(st.dictionaries(st.just("content"), JSON, max_size=1), max_size=3),
    max_size=6,
)


@pytest.mark.parametrize("verb", ["chat", "complete", "edit", "embed", "moderate", "list_models"])
@given(body=BODIES)
def test_no_body_makes_it_fail(verb: str, body: dict[str, Any]) -> None:
    found = estimate(verb, body)

    assert found.input_tokens >= 0
    assert found.output_tokens >= 0
    assert found.cost_nano_usd is None or found.cost_nano_usd >= 0


@given(JSON | st.sampled_from([10**400, "9" * 29, "1e999", "nan", "\u0663", float("inf"), -(10**400)]))
def test_no_number_makes_it_fail(value: object) -> None:
    assert read_count(value) is None or -1 <= read_count(value) <= 10**9  # type: ignore[operator]  # not None


def test_deep_and_broken_bodies_count_as_what_they_are() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (deep, {1, 2}, object(), {"\ud800": "\ud800"}, "\ud800" * 10, {1: 2}):
        found = chat(messages=[{"role": "user", "content": value}, value], tools=value)
        assert found.input_tokens > 0


def test_it_is_quick() -> None:
    """Generous bounds: a small chat takes less than ten microseconds, and 200 kB less than a millisecond."""
    small = {"model": MODEL, "messages": [{"role": "system", "content": "You help."}, *SAY], "max_tokens": 9}
    large = {"model": MODEL, "messages": [{"role": "user", "content": "So it goes on и так. " * 9500}]}

    def best_s(body: dict[str, Any], times: int) -> float:
        taken = []
        for _ in range(times):
            begin = time.perf_counter()
            estimate("chat", body)
            taken.append(time.perf_counter() - begin)
        return min(taken)

    assert best_s(small, 200) < 0.0005
    assert best_s(large, 10) < 0.02
