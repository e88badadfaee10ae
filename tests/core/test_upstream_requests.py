"""Copies of a request that goes to an upstream."""

from __future__ import annotations

from dataclasses import fields

from hookline.encodings import BodyEncoding
from hookline.upstream import UpstreamRequest


def test_a_request_with_headers_of_its_own_is_the_same_in_all_else() -> None:
    values: dict[str, object] = {
        "method": "PUT",
        "base_url": "https://h",
        "path": "/p",
        "headers": {"a": "b"},
        "body": {"c": 1},
        "content": b"d",
        "encoding": BodyEncoding(kind="form"),
        "media_type": "text/plain",
        "is_stream": True,
        "stall_timeout_s": 2.5,
    }
    assert values.keys() == {field.name for field in fields(UpstreamRequest)}
    request = UpstreamRequest(**values)  # type: ignore[arg-type]  # one of each field
    made = request.with_own_headers()
    assert made == request
    assert {name: getattr(made, name) for name in values} == values
    made.headers["a"] = "changed"
    assert request.headers == {"a": "b"}
    assert made.body is request.body
