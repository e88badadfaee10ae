"""How answers are read when that is declared as data."""

from __future__ import annotations

from typing import Any

import pytest

from declared_lab import fields, go
from hookline import Connector, Sample
from hookline.engine.validation import SchemaValidator
from small_service import whole


@pytest.mark.parametrize(
    ("pick", "raw", "output"),
    [
        (
            "{contacts: data[*], total: meta.count}",
            {"data": [1], "meta": {"count": 1}},
            {"contacts": [1], "total": 1},
        ),
        ("data", {"data": {"a": 1}}, {"a": 1}),
        ("data", {"data": [1, 2]}, {"result": [1, 2]}),
        ("length(data)", {"data": [1, 2]}, {"result": 2}),
        ("nothing", {"data": 1}, {"result": None}),
        ("[0]", [{"a": 1}], {"a": 1}),
    ],
)
def test_the_output_is_picked_from_the_service_s_json(pick: str, raw: Any, output: Any) -> None:
    run = go({}, answer=lambda request: whole(raw), input=fields(), pick=pick)

    assert (run.status, run.json) == (200, output)


@pytest.mark.parametrize("raw", [5, "abc", [1, 2], None])
def test_what_is_no_object_is_the_member_result_without_a_pick_too(raw: Any) -> None:
    run = go({}, answer=lambda request: whole(raw), input=fields())

    assert (run.status, run.json) == (200, {"result": raw})


def test_an_answer_that_nothing_can_be_picked_from_is_told() -> None:
    run = go({}, answer=lambda request: whole({"a": 1}), input=fields(), pick="join(',', a)")

    assert (run.status, run.json["error"]["code"]) == (502, "invalid_upstream_answer")


def test_a_pick_cannot_make_an_answer_grow_without_bound() -> None:
    pick = "|".join(["[@,@]"] * 30)

    run = go({}, answer=lambda request: whole({"a": 1}), input=fields(), pick=pick)

    assert run.status == 502
    assert "finds too much" in run.json["detail"]


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        ("grün".encode(), "text/plain", "grün"),
        ("grün".encode("latin-1"), "text/plain; charset=ISO-8859-1", "grün"),
        ("grün".encode("utf-16"), 'text/csv; charset="utf-16"', "grün"),
        (b"\xef\xbb\xbfa,b", "text/csv", "a,b"),
        (b"\xff", "text/plain", "\ufffd"),
        (b"abc", "text/plain; charset=zip", "abc"),
        (b"abc", "text/plain; charset=no-such", "abc"),
        (b"", "text/plain", ""),
    ],
)
def test_a_text_is_read_in_its_encoding(content: bytes, content_type: str, text: str) -> None:
    run = go(
        {},
        answer=lambda request: whole(content, content_type=content_type),
        method="GET",
        input=fields(),
        answers="text",
    )

    assert (run.status, run.json) == (200, {"text": text})
    assert run.request.headers["accept"] == "text/*, */*;q=0.5"


@pytest.mark.parametrize(
    ("content_type", "told"),
    [
        ("image/png", "image/png"),
        ("text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        ("", "application/octet-stream"),
        ("<script>", "application/octet-stream"),
    ],
)
def test_bytes_are_handed_on_in_base64(content_type: str, told: str) -> None:
    run = go(
        {},
        answer=lambda request: whole(b"\x00\xffhi", content_type=content_type),
        method="GET",
        input=fields(),
        answers="binary",
    )

    assert run.json == {"content": "AP9oaQ==", "media_type": told, "size_bytes": 4}
    assert run.request.headers["accept"] == "*/*"


@pytest.mark.parametrize(("status", "content"), [(204, b""), (200, b""), (202, b"<html>")])
def test_an_answer_that_does_not_matter_is_done(status: int, content: bytes) -> None:
    run = go(
        {},
        answer=lambda request: whole(content, status=status),
        method="DELETE",
        input=fields(),
        answers="nothing",
    )

    assert (run.status, run.json) == (200, {"done": True})


@pytest.mark.parametrize("answers", ["text", "binary", "nothing"])
def test_the_output_s_schema_follows_from_the_kind_of_answer(answers: Any) -> None:
    run = go({}, answer=lambda request: whole(b"x"), method="GET", input=fields(), answers=answers)
    connector = Connector("crm", title="CRM", base_url="https://crm.example")
    action = connector.endpoint("get", "GET", "/", input=fields(), answers=answers)

    assert SchemaValidator(action.output_schema, name="x").problems(run.json) == []
    assert all("title" in member for member in action.output_schema["properties"].values())  # type: ignore[attr-defined]


def test_a_large_answer_is_refused() -> None:
    run = go(
        {},
        answer=lambda request: whole(b"x" * 5000),
        method="GET",
        input=fields(),
        answers="binary",
        settings={"limits": {"max_answer_bytes": 4096}},
    )

    assert (run.status, run.json["error"]["code"]) == (502, "upstream_answer_too_large")


# ---------------------------------------------------------------- what callers are told


def test_a_group_is_told_to_forms() -> None:
    from hookline.engine.catalog import describe

    connector = Connector("crm", title="CRM", base_url="https://crm.example")
    action = connector.endpoint(
        "get",
        "GET",
        "/",
        input=fields(),
        output={},
        group="Contacts",
        samples=[Sample(title="x", input={}, output={})],
    )
    other = connector.endpoint("see", "GET", "/", input=fields(), output={})

    assert describe(action)["group"] == "Contacts"
    assert "group" not in describe(other)
