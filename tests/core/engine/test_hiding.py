"""What a service repeats of the credential reaches nobody."""

from __future__ import annotations

import base64

import pytest

from hookline import UpstreamRequest
from hookline.engine.hiding import hide_credential

WORD = "a-long-credential-0001"


def hidden(content: bytes, *, headers: dict[str, str] | None = None, path: str = "/x?a=1") -> bytes:
    plain = UpstreamRequest(
        method="GET", base_url="https://acme.example", path="/x?a=1", headers={"accept": "*"}
    )
    signed = UpstreamRequest(
        method="GET", base_url="https://acme.example", path=path, headers={"accept": "*", **(headers or {})}
    )
    return hide_credential(content, plain=plain, signed=signed)


@pytest.mark.parametrize(
    ("headers", "path", "repeated"),
    [
        ({"authorization": f"Bearer {WORD}"}, "/x?a=1", WORD),
        ({"x-api-key": WORD}, "/x?a=1", WORD),
        ({}, f"/x?a=1&key={WORD}", WORD),
        ({"authorization": "Basic " + base64.b64encode(f"ada:{WORD}".encode()).decode()}, "/x?a=1", WORD),
    ],
    ids=["bearer", "header", "query", "basic"],
)
def test_a_repeated_credential_is_taken_out(headers: dict[str, str], path: str, repeated: str) -> None:
    content = f'{{"message": "The key {repeated} is not valid."}}'.encode()

    assert hidden(content, headers=headers, path=path) == b'{"message": "The key [hidden] is not valid."}'


def test_what_was_not_added_by_signing_stays() -> None:
    assert hidden(b"accept * and a=1", headers={"x-short": "a=1"}) == b"accept * and a=1"
