"""What is taken out of a recording, and what stays in it."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

from hookline.recording.recording import REMOVED, Exchange, Piece, Recording
from hookline.recording.redaction import Redactor

CANARY = "Zx9-canary/of&tests+77"
QUOTED = "Zx9-canary%2Fof%26tests%2B77"
FORM = "application/x-www-form-urlencoded"


def clean(*, input: dict[str, object] | None = None, **exchange: Any) -> Recording:
    one = Exchange(**{"method": "POST", "path": "/x", "status": 200, **exchange})
    recording = Recording(action="acme.tell", input=input or {}, exchanges=(one,))
    return Redactor(()).clean(recording, all_headers=[(one.request_headers, one.headers)])


def is_clean(recording: Recording) -> bool:
    text = recording.dump()
    return not any(form in text for form in ("canary", "Zx9"))


@pytest.mark.parametrize(
    "body",
    [
        {"access_token": CANARY},
        {"access_tokens": [CANARY]},
        {"api_keys": ["x", [CANARY]]},
        {"secret": {"value": CANARY}},
        {"credentials": {"by_tenant": {"acme": {"text": CANARY}}}},
        {"bearer_token": CANARY},
        {"userToken": CANARY},
        {"userPassword": CANARY},
        {"secret_key": CANARY},
        {"private_key_pem": CANARY},
        {"fields": [{"name": "client_secret", "value": CANARY}]},
        {"url": f"https://files.example.com/one?X-Amz-Signature={QUOTED}&n=1"},
        {"url": f"https://ada:{QUOTED}@files.example.com/one"},
        {"arguments": orjson.dumps({"password": CANARY}).decode()},
        {"text": 'They sent {"password": "' + CANARY + '"} to us.'},
        {"token": CANARY, "again": f"it is {CANARY}", CANARY: 1},
    ],
)
def test_a_secret_of_a_json_body_is_removed_from_it(body: dict[str, object]) -> None:
    cleaned = clean(body=orjson.dumps(body))

    assert is_clean(cleaned)
    assert cleaned.removed
    assert REMOVED in cleaned.exchanges[0].body.decode()
    assert is_clean(clean(request_body=orjson.dumps(body)))
    assert is_clean(clean(input=body))


@pytest.mark.parametrize(
    "body",
    [
        f"a=1&client_secret={QUOTED}&b=2",
        f"oauth_token=x&oauth_token_secret={QUOTED.lower()}".replace("zx9", "Zx9"),
        f"user%5Bpassword%5D={QUOTED}",
        f"<r><Password>{CANARY.replace('&', '&amp;')}</Password><a>1</a></r>",
        f"<r><ns:Secret type='x'><Value><![CDATA[{CANARY}]]></Value></ns:Secret></r>",
        f'<r password="{CANARY}"/>',
        orjson.dumps({"access_token": CANARY}).decode() + '\n{"a":1}\n',
        f"name: Ada\npassword: {CANARY}\n",
        f"[db]\npassword = '{CANARY}'\n",
        f'--x\r\ncontent-disposition: form-data; name="password"\r\n\r\n{CANARY}\r\n--x--\r\n',
        f'{{"cut": 1, "password": "{CANARY}", "x',
    ],
)
def test_a_secret_of_any_other_body_is_removed_from_it(body: str) -> None:
    assert is_clean(clean(body=body.encode()))
    assert is_clean(clean(request_body=body.encode(), request_headers={"content-type": FORM}))


def test_a_secret_of_a_form_with_a_file_is_removed_and_the_file_stays() -> None:
    head = b'--x\r\ncontent-disposition: form-data; name="'
    body = head + b'api_key"\r\n\r\n' + CANARY.encode() + b"\r\n" + head + b'file"\r\n\r\n\xff\xfe\r\n--x--'

    cleaned = clean(request_body=body).exchanges[0].request_body

    assert cleaned == body.replace(CANARY.encode(), REMOVED.encode())


@pytest.mark.parametrize(
    "headers",
    [
        {"location": f"https://files.example.com/one?sig={QUOTED}"},
        {"location": f"https://files.example.com/one#access_token={QUOTED}"},
        {"link": f'<https://api.example.com/?page=2&api_key={QUOTED}>; rel="next"'},
    ],
)
def test_a_secret_in_the_url_of_a_header_is_removed_from_it(headers: dict[str, str]) -> None:
    cleaned = clean(headers=headers)

    assert is_clean(cleaned)
    assert cleaned.exchanges[0].headers.keys() == headers.keys()


def test_a_secret_is_removed_wherever_else_it_is_whoever_named_it() -> None:
    event = Piece(after_s=0, text=f"data: {orjson.dumps({'access_token': CANARY}).decode()}\n\n")
    lines = Piece(after_s=0, text='data: {"password":\ndata: "' + CANARY + '"}\n\n')
    later = Piece(after_s=0, text=f'event: x\ndata: {{"t":"so {CANARY}"}}\n\n')
    plain = orjson.dumps({"pw": CANARY})

    assert is_clean(clean(pieces=(event, later)))
    assert is_clean(clean(pieces=(lines, later)))
    assert is_clean(clean(input={"password": CANARY}, request_body=plain, path=f"/x/{QUOTED}"))
    assert is_clean(clean(query=(("api_key", CANARY),), body=plain))
    assert is_clean(clean(headers={"set-cookie": f"sid={CANARY}; Path=/"}, body=plain))


def test_what_is_no_secret_stays() -> None:
    body = {
        "usage": {"prompt_tokens": 5, "total_tokens": 1500000, "tokens": 7},
        "next_page_token": "page-two-0001",
        "secret": {"active": True, "kind": "password", "pin": 123456789},
        "token": "priority",
        "priority": "password and priority",
        "text": "The key = value pairs of a token are https://example.com/?page=2&q=a+b.",
    }

    cleaned = orjson.loads(clean(body=orjson.dumps(body)).exchanges[0].body)

    assert cleaned == body | {
        "secret": {"active": True, "kind": REMOVED, "pin": REMOVED},
        "token": REMOVED,
    }


def test_a_hostile_body_is_cleaned_in_a_moment() -> None:
    began = time.monotonic()
    for part in ('name="a"\n', "<a <a", "://a", '"a":', "key=", "a" * 7, "password: \t \t", "<secret>"):
        clean(body=("--" + part * (300_000 // len(part))).encode())

    assert time.monotonic() - began < 20
