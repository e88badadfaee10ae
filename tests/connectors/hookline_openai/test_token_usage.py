"""Reading what the service says that a call took."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.upstream import UpstreamRequest
from hookline.usage import Usage
from hookline_openai.token_usage import MOST_TOKENS, DetailedUsage, read_told

if TYPE_CHECKING:
    from tests.connectors.hookline_openai.conftest import MakeCall


def told(**members: object) -> dict[str, object]:
    return {"usage": {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29, **members}}


def test_all_that_the_service_tells_is_read() -> None:
    answer = told(
        prompt_tokens_details={"cached_tokens": 12, "audio_tokens": 0},
        completion_tokens_details={"reasoning_tokens": 4, "audio_tokens": 0},
    )

    assert read_told(answer) == Usage(input_tokens=20, output_tokens=9, cached_tokens=12, reasoning_tokens=4)


def test_what_has_its_own_price_is_read() -> None:
    answer = {
        **told(
            prompt_tokens_details={"cached_tokens": 1, "audio_tokens": 2, "cache_write_tokens": 3},
            completion_tokens_details={"audio_tokens": 4},
        ),
        "service_tier": "priority",
    }

    assert read_told(answer) == DetailedUsage(
        input_tokens=20,
        output_tokens=9,
        cached_tokens=1,
        audio_input_tokens=2,
        cache_write_tokens=3,
        audio_output_tokens=4,
        has_own_price=True,
    )


@pytest.mark.parametrize("tier", [None, "default", "auto", "flex"])
def test_tier_that_costs_no_more_than_the_table_says_changes_nothing(tier: str | None) -> None:
    assert read_told({**told(), "service_tier": tier}) == Usage(input_tokens=20, output_tokens=9)


def test_embeddings_tell_only_what_was_sent() -> None:
    answer = {"usage": {"prompt_tokens": 8, "total_tokens": 8}}

    assert read_told(answer) == Usage(input_tokens=8, output_tokens=0)


BAD_SENT: list[object] = [-1, True, "20", 20.0, None, MOST_TOKENS + 1]
BAD_MADE: list[object] = [-1, False, "9", 9.5, [], MOST_TOKENS + 1]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "text",
        {},
        {"usage": None},
        {"usage": []},
        {"usage": {}},
        {"usage": {"prompt_tokens": 1}},
        {"usage": {"completion_tokens": 1, "total_tokens": 2}},
        {"usage": {"prompt_tokens": 5, "total_tokens": 4}},
        *(told(prompt_tokens=bad) for bad in BAD_SENT),
        *(told(completion_tokens=bad) for bad in BAD_MADE),
    ],
)
def test_nonsense_is_no_count(answer: object) -> None:
    assert read_told(answer) is None


BAD: list[object] = [-1, True, "3", 2.5, 21, None, [], {}]


@pytest.mark.parametrize("bad", BAD)
def test_detail_that_cannot_be_is_not_known(bad: object) -> None:
    answer = told(
        prompt_tokens_details={"cached_tokens": bad, "audio_tokens": bad, "cache_write_tokens": bad},
        completion_tokens_details={"reasoning_tokens": bad, "audio_tokens": bad},
    )

    assert read_told(answer) == Usage(input_tokens=20, output_tokens=9)
    assert read_told(told(prompt_tokens_details=bad, completion_tokens_details=bad)) == Usage(
        input_tokens=20, output_tokens=9
    )


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(JSON)
def test_reading_never_fails(usage: object) -> None:
    found = read_told({"usage": usage, "service_tier": usage})

    assert found is None or 0 <= found.tokens <= 2 * MOST_TOKENS


def test_details_survive_a_sum_with_what_has_none() -> None:
    plain = Usage(input_tokens=1, output_tokens=2, cost_nano_usd=3)
    detailed = DetailedUsage(
        input_tokens=10, output_tokens=20, cache_write_tokens=5, has_own_price=True, cost_nano_usd=30
    )
    expected = DetailedUsage(
        input_tokens=11, output_tokens=22, cache_write_tokens=5, has_own_price=True, cost_nano_usd=33
    )

    assert plain + detailed == expected
    assert detailed + plain == expected
    assert (detailed + detailed).tokens == 60


@pytest.mark.parametrize("kind", [Usage, DetailedUsage])
@pytest.mark.parametrize("cost", [0, 7, None])
def test_a_usage_with_a_cost_is_the_same_in_all_else(kind: type[Usage], cost: int | None) -> None:
    values: dict[str, Any] = {field.name: number for number, field in enumerate(fields(kind), start=1)}
    usage = kind(**values)

    priced = usage.with_cost(cost)

    assert priced == replace(usage, cost_nano_usd=cost)
    assert type(priced) is kind


@pytest.mark.parametrize(
    ("verb", "body", "model"),
    [
        ("chat", {"model": "gpt-5.4"}, "gpt-5.4"),
        ("chat", {}, None),
        ("chat", {"model": 5}, None),
        ("chat", {"model": ""}, None),
        ("chat", None, None),
        ("embed", {"model": "text-embedding-3-small"}, "text-embedding-3-small"),
        ("moderate", {"input": "x"}, "omni-moderation-latest"),
        ("moderate", {"model": "own"}, "own"),
        ("list_models", None, None),
    ],
)
def test_model_is_the_one_that_will_answer(
    verb: str, body: dict[str, object] | None, model: str | None, make_call: MakeCall
) -> None:
    call = make_call(verb)
    assert call.action.meter is not None
    request = UpstreamRequest(method="POST", base_url="", path=call.action.path, body=body)

    assert call.action.meter.model(request) == model


@pytest.mark.parametrize("verb", ["chat", "complete", "edit", "embed", "moderate"])
def test_every_action_that_takes_tokens_reads_them(verb: str, make_call: MakeCall) -> None:
    call = make_call(verb)
    assert call.action.meter is not None

    assert call.action.meter.read(call, told()) == Usage(input_tokens=20, output_tokens=9)
    assert call.action.meter.read(call, {"results": []}) is None


def test_a_list_of_models_takes_nothing(make_call: MakeCall) -> None:
    call = make_call("list_models")
    assert call.action.meter is not None

    assert call.action.meter.read(call, {"data": []}) == Usage(
        input_tokens=0, output_tokens=0, cost_nano_usd=0
    )
