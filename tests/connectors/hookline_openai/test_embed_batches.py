"""Texts of several calls, embedded in as few requests as OpenAI allows."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hookline.errors import InvalidUpstreamAnswerError
from hookline_bulk import BulkPlugin
from hookline_openai.embed_batches import EmbeddingBatcher
from openai_lab import OpenAILab

SMALL = {"model": "text-embedding-3-small", "dimensions": 2}


@pytest.fixture
def lab() -> OpenAILab:
    return OpenAILab([("bulk", BulkPlugin())])


def embed(lab: OpenAILab, items: list[Any], **fields: Any) -> Any:
    _, content = lab.post("/actions/openai.embed", {"items": items, **SMALL, **fields})
    return orjson.loads(content)


def sizes(lab: OpenAILab) -> list[int]:
    return [len(sent["input"]) if isinstance(sent["input"], list) else 1 for sent in lab.ledger.sent]


def test_items_go_in_one_request_and_each_gets_what_it_would_have_got_alone(lab: OpenAILab) -> None:
    texts = ["a cat", "two dogs and a bird", "a cat"]
    packed = embed(lab, texts)
    assert (len(lab.ledger.sent), packed["summary"]["calls"]) == (1, 1)

    for item, text in zip(packed["items"], texts, strict=True):
        status, content = lab.post("/actions/openai.embed", {**SMALL, "input": text})
        alone = orjson.loads(content)
        assert status == 200
        assert {**item["output"], "usage": None} == {**alone, "usage": None}


def test_the_tokens_of_the_items_add_up_to_those_of_the_request(lab: OpenAILab) -> None:
    body = embed(lab, ["one", "two two", "three three three", "x" * 40])
    shares = [item["output"]["usage"]["input_tokens"] for item in body["items"]]
    assert sum(shares) == body["summary"]["usage"]["input_tokens"] == lab.ledger.usages[0].input_tokens  # type: ignore[union-attr]
    assert all(share > 0 for share in shares)


def test_no_more_texts_go_in_a_request_than_the_service_takes(lab: OpenAILab) -> None:
    body = embed(lab, [f"text {number}" for number in range(999)] + [{"input": ["b"] * 2048}])
    assert body["summary"]["succeeded"] == 1000
    assert sorted(sizes(lab)) == [999, 2048]
    assert len(body["items"][999]["output"]["embeddings"]) == 2048


def test_items_that_ask_for_something_else_go_in_another_request(lab: OpenAILab) -> None:
    items = ["a", {"input": "b", "dimensions": 3}, "c", {"input": "d", "raw": True}]
    body = embed(lab, items)
    assert sorted(sizes(lab)) == [1, 1, 2]
    assert [len(item["output"]["embedding"]) for item in body["items"]] == [2, 3, 2, 2]
    assert "raw" in body["items"][3]["output"]


def test_one_bad_item_among_many_is_found_with_few_calls_and_only_it_fails(lab: OpenAILab) -> None:
    items: list[Any] = [f"text {number}" for number in range(64)]
    items[37] = "word " * 9000  # over what one text may have
    body = embed(lab, items)
    assert [item["index"] for item in body["items"] if item["status"] != 200] == [37]
    assert body["items"][37]["status"] == 400
    assert body["summary"]["calls"] == 13


def test_an_item_that_is_not_sound_goes_alone_and_is_refused_alone(lab: OpenAILab) -> None:
    body = embed(lab, ["a", {"input": ""}, {"input": 7}, {"input": "b", "colour": "red"}, "c"])
    assert [item["status"] for item in body["items"]] == [200, 422, 422, 422, 200]


def test_packing_can_be_switched_off() -> None:
    lab = OpenAILab([("bulk", BulkPlugin())], environ={"HOOKLINE_BULK_PACK": "false"})
    assert embed(lab, ["a", "b", "c"])["summary"]["calls"] == 3


def test_a_plan_stays_below_the_bound_on_tokens() -> None:
    inputs: list[dict[str, object]] = [{**SMALL, "input": "word " * 8000} for _ in range(80)]
    plan = EmbeddingBatcher().plan(inputs)
    assert sorted(index for group in plan for index in group) == list(range(80))
    assert 2 <= len(plan) <= 8
    assert all(sum(8000 for _ in group) <= 300_000 for group in plan)


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({"model": "text-embedding-3-small"}, 2048),
        ({"model": "text-embedding-3-large"}, 1365),
        ({"model": "text-embedding-3-large", "encoding_format": "base64"}, 2048),
        ({"model": "text-embedding-3-large", "dimensions": "256"}, 2048),
    ],
)
def test_a_request_has_no_more_texts_than_its_answer_has_room_for(
    fields: dict[str, object], most: int
) -> None:
    plan = EmbeddingBatcher().plan([{**fields, "input": "a"} for _ in range(2050)])
    assert max(map(len, plan)) == most


def test_an_answer_with_another_number_of_embeddings_is_refused() -> None:
    with pytest.raises(InvalidUpstreamAnswerError, match="sent 2 texts"):
        EmbeddingBatcher().unpack([{"input": "a"}, {"input": "b"}], {"embeddings": [[1.0]]})
