"""Where the fields of an input go, and how a body is written, when both are declared as data."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.formparser import parse_form_data

from declared_lab import ANY, FILE, LIST, Run, fields, go
from hookline import Call, InPlace, UpstreamRequest, hookimpl
from hookline.base64_content import read_base64
from hookline.encodings import BodyEncoding
from hookline.errors import InvalidInputError
from hookline.pairs import cookie_header, header_value


def form_of(run: Run) -> tuple[list[tuple[str, str]], dict[str, tuple[str | None, str, bytes]]]:
    """Return the fields and files of a multipart body, as werkzeug reads them."""
    request = run.request
    environ = {
        "REQUEST_METHOD": "POST",
        "wsgi.input": BytesIO(request.content or b""),
        "CONTENT_LENGTH": str(len(request.content or b"")),
        "CONTENT_TYPE": request.headers["content-type"],
    }
    _, form, files = parse_form_data(environ)
    found = {name: (file.filename, file.content_type or "", file.read()) for name, file in files.items()}
    for file in [file for _, file in files.items(multi=True)]:
        file.close()
    return list(form.items(multi=True)), found


# ---------------------------------------------------------------- places


def test_fields_go_where_they_are_told_to() -> None:
    run = go(
        {"email": "ada@example.com", "trace": "t-1", "limit": 3, "session": "s1", "name": "Ada"},
        method="PATCH",
        path="/contacts/{contact_id}",
        input=fields("email", "trace", "session", "name", limit={"type": "integer"}),
        places={
            "email": InPlace(where="path", name="contact_id"),
            "trace": InPlace(where="header", name="X-Trace"),
            "limit": "query",
            "session": "cookie",
            "name": InPlace(where="body", name="person.name"),
        },
    )

    assert run.status == 200
    assert run.request.path == "/contacts/ada@example.com?limit=3"
    assert run.headers == {"x-trace": "t-1", "cookie": "session=s1", "content-type": "application/json"}
    assert run.request.content == b'{"person":{"name":"Ada"}}'


@pytest.mark.parametrize(
    ("style", "value", "query"),
    [
        ("repeat", ["a", "b"], "q=a&q=b"),
        ("comma", ["a", "b"], "q=a%2Cb"),
        ("brackets", ["a", "b"], "q%5B%5D=a&q%5B%5D=b"),
        ("brackets", {"name": "Ada", "in": [1, 2]}, "q%5Bname%5D=Ada&q%5Bin%5D%5B%5D=1&q%5Bin%5D%5B%5D=2"),
        ("brackets", [{"a": 1}, {"a": 2}], "q%5B0%5D%5Ba%5D=1&q%5B1%5D%5Ba%5D=2"),
        ("repeat", {"a": 1}, "q=%7B%22a%22%3A1%7D"),
        ("repeat", None, ""),
        ("repeat", True, "q=true"),
    ],
)
def test_lists_and_objects_stand_in_a_query_as_the_style_says(style: Any, value: Any, query: str) -> None:
    run = go(
        {"q": value}, method="GET", input=fields(q={}), places={"q": InPlace(where="query", style=style)}
    )

    assert run.request.path.partition("?")[2] == query


def test_a_header_is_left_out_when_its_field_is_not_filled_in() -> None:
    run = go({"a": None}, method="GET", input=fields(a={"type": ["string", "null"]}), places={"a": "header"})

    assert run.headers == {}


def test_a_list_stands_in_a_header_with_commas() -> None:
    run = go({"a": ["x", 2]}, method="GET", input=fields(a=LIST), places={"a": "header"})

    assert run.headers == {"a": "x, 2"}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("header", "two\r\nlines: 1"),
        ("header", "ä"),
        ("header", "\0"),
        ("header", "x" * 9000),
        ("cookie", "a; admin=1"),
        ("cookie", "a b"),
        ("cookie", "ä"),
        ("cookie", 'a"'),
        ("path", ".."),
        ("path", ""),
    ],
)
def test_a_value_that_would_break_the_request_is_refused_and_its_field_named(place: Any, value: str) -> None:
    run = go(
        {"a": value},
        method="GET",
        path="/x/{a}" if place == "path" else "/x",
        input=fields("a"),
        places={"a": place},
    )

    assert (run.status, run.json["field"], run.sent) == (422, "a", [])


@given(value=st.text(max_size=50))
def test_no_text_breaks_out_of_a_header_or_a_cookie(value: str) -> None:
    def refused_or(write: Callable[[], str]) -> str:
        try:
            return write()
        except InvalidInputError as exc:
            return f"{exc.field} was refused"

    header = refused_or(lambda: header_value(value, field="a"))
    cookie = refused_or(lambda: cookie_header([("n", value, "a")]))

    assert header == "a was refused" or re.fullmatch(r"[\t\x20-\x7e]*", header)
    assert cookie == "a was refused" or re.fullmatch(r"n=[!#-+\--:<-\[\]-~]*", cookie)


def test_defaults_go_where_fields_go_and_an_input_wins() -> None:
    declared: dict[str, Any] = {
        "path": "/{version}/x",
        "input": fields("name", per_page={"type": "integer"}),
        "defaults": {"version": "2026-01", "per_page": 50, "source": "hookline", "x-client": "h"},
        "places": {"per_page": "query", "x-client": "header"},
    }

    first, second = go({"name": "Ada"}, **declared), go({"per_page": 5}, **declared)

    assert (first.request.path, first.request.content) == (
        "/2026-01/x?per_page=50",
        b'{"source":"hookline","name":"Ada"}',
    )
    assert first.headers["x-client"] == "h"
    assert (second.request.path, second.request.content) == (
        "/2026-01/x?per_page=5",
        b'{"source":"hookline"}',
    )


def test_a_shape_makes_the_body_and_leaves_out_what_was_not_filled_in() -> None:
    run = go(
        {"name": "Ada", "tags": ["a", "b"], "id": "7"},
        path="/c/{id}",
        input=fields("name", "phone", "id", tags=LIST),
        shape="{contact: {name: name, phone: phone}, labels: tags[*].{label: @}}",
    )

    assert run.request.path == "/c/7"
    assert run.request.body == {"contact": {"name": "Ada"}, "labels": [{"label": "a"}, {"label": "b"}]}


def test_a_shape_that_cannot_be_made_of_an_input_is_the_caller_s_to_know() -> None:
    run = go({}, input=fields(tags=LIST), shape="{tags: join(',', tags)}")

    assert (run.status, run.sent) == (422, [])
    assert "No request can be made of this input" in run.json["detail"]


def test_where_nothing_is_declared_all_stays_as_it_was() -> None:
    run = go({"id": "7", "name": "Ada"}, path="/c/{id}", input=ANY)

    assert (run.request.path, run.request.content) == ("/c/7", b'{"name":"Ada"}')


def test_a_request_without_fields_for_its_body_has_none() -> None:
    run = go({"id": "7"}, path="/c/{id}/close", input=fields("id"), places={"id": "path"})

    assert (run.request.content, run.headers) == (None, {})


# ---------------------------------------------------------------- encodings


def test_a_form_holds_texts_numbers_and_lists() -> None:
    run = go(
        {"name": "Ada & Co", "n": 1.5, "on": True, "tags": ["a", "b"], "meta": {"k": "v"}, "none": None},
        input=fields("name", n={}, on={}, tags=LIST, meta=ANY, none={}),
        encoding="form",
        places={"meta": InPlace(where="body", style="brackets")},
    )

    assert run.headers == {"content-type": "application/x-www-form-urlencoded"}
    assert parse_qsl((run.request.content or b"").decode()) == [
        ("name", "Ada & Co"),
        ("n", "1.5"),
        ("on", "true"),
        ("tags", "a"),
        ("tags", "b"),
        ("meta[k]", "v"),
    ]


def test_a_multipart_body_holds_fields_and_files() -> None:
    run = go(
        {
            "title": "Zwölf",
            "plain": "aGVsbG8=",
            "page": "data:image/png;base64,iVBORw==",
            "named": {"content": "aGk=", "file_name": 'a"b\r\n.txt', "media_type": "text/plain"},
            "many": ["YQ==", "Yg=="],
            "meta": {"k": 1},
            "tags": ["x", "y"],
        },
        input=fields(
            "title",
            plain=FILE,
            page=FILE,
            named={"properties": {"content": FILE, "file_name": {}, "media_type": {}}},
            many={"type": "array", "items": {**FILE, "contentMediaType": "text/csv"}},
            meta=ANY,
            tags=LIST,
        ),
        encoding="multipart",
        places={"plain": InPlace(where="body", name="attachment")},
    )

    assert run.status == 200
    form, files = form_of(run)
    assert form == [("title", "Zwölf"), ("meta", '{"k":1}'), ("tags", "x"), ("tags", "y")]
    assert files == {
        "attachment": ("plain", "application/octet-stream", b"hello"),
        "page": ("page", "image/png", b"\x89PNG"),
        "named": ('a"b%0D%0A.txt', "text/plain", b"hi"),
        "many": ("many", "text/csv", b"a"),
    }
    assert (run.request.content or b"").count(b'; name="many"') == 2


_SHARED_FILE: dict[str, Any] = {"$ref": "#/$defs/file"}
_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}


@pytest.mark.parametrize(
    "schema",
    [
        _SHARED_FILE,
        {"anyOf": [_BINARY, {"type": "null"}]},
        {"oneOf": [{"type": "null"}, _SHARED_FILE]},
        {"allOf": [_SHARED_FILE], "description": "A picture."},
    ],
)
def test_a_file_is_known_through_references_and_branches(schema: dict[str, Any]) -> None:
    declared = fields(file=schema, many={"type": "array", "items": schema}, none=schema)
    declared["$defs"] = {"file": {**FILE, "contentMediaType": "image/png"}}

    run = go({"file": "aGk=", "many": ["YQ==", "Yg=="]}, input=declared, encoding="multipart")

    form, files = form_of(run)
    kind = "application/octet-stream" if "anyOf" in schema else "image/png"
    assert (form, files) == ([], {"file": ("file", kind, b"hi"), "many": ("many", kind, b"a")})


def test_an_object_that_is_declared_as_no_file_is_none() -> None:
    run = go({"note": {"content": "hello world!"}}, input=fields(note=ANY), encoding="multipart")

    assert form_of(run) == ([("note", '{"content":"hello world!"}')], {})


def test_a_shape_may_make_files() -> None:
    run = go(
        {"text": "aGk="},
        input=fields("text"),
        encoding="multipart",
        shape="{file: {content: text, file_name: 'a.txt'}}",
    )

    assert form_of(run) == ([], {"file": ("a.txt", "application/octet-stream", b"hi")})


@pytest.mark.parametrize("told", ["image/png\r\nX-Evil: 1", "image/*", ""])
@pytest.mark.parametrize("encoding", ["multipart", "binary"])
def test_what_is_no_media_type_is_not_sent_as_one(told: str, encoding: str) -> None:
    file = {"contentEncoding": "base64", "contentMediaType": told}

    run = go({"file": "aGk="}, input=fields(file=file), encoding=encoding)

    assert run.status == 200
    assert b"X-Evil" not in (run.request.content or b"")
    assert b"octet-stream" in (run.request.content or b"") + run.headers["content-type"].encode()


def test_another_reader_takes_it_for_the_same() -> None:
    run = go({"title": "a", "file": "aGk="}, input=fields("title", file=FILE), encoding="multipart")

    head = b"Content-Type: " + run.headers["content-type"].encode() + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + (run.request.content or b""))
    assert [part.get_payload(decode=True) for part in message.iter_parts()] == [b"a", b"hi"]


@given(values=st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=30), max_size=4))
def test_nothing_in_a_multipart_body_breaks_out_of_its_part(values: dict[str, str]) -> None:
    body: dict[str, object] = dict(values)
    content, media_type = BodyEncoding(kind="multipart").write(body)
    boundary = media_type.partition("boundary=")[2].encode()

    assert content.count(boundary) == len(values) + 1
    assert content.count(b"\r\nContent-Disposition: form-data; name=") == len(values)


@pytest.mark.parametrize(
    ("value", "field", "status"),
    [
        ("not base64!", "file", 422),
        ("data:;base64", "file", 422),
        (7, "file", 422),
        ({"content": "%%"}, "file.content", 422),
        ({"content": "aGk=", "media_type": "text/html\r\nx: y"}, "file.media_type", 422),
    ],
)
def test_a_file_that_is_none_is_refused_and_its_field_named(value: Any, field: str, status: int) -> None:
    run = go({"file": value}, input=fields(file={"contentEncoding": "base64"}), encoding="multipart")

    assert (run.status, run.json["field"], run.sent) == (status, field, [])


@pytest.mark.parametrize(
    ("value", "content", "media_type"),
    [
        ("aGk=", b"hi", "image/gif"),
        ("aG k\n=", b"hi", "image/gif"),
        ("aGk", b"hi", "image/gif"),
        ("-_8=", b"\xfb\xff", "image/gif"),
        ("data:image/png;base64,aGk=", b"hi", "image/png"),
        ("data:,a%20b", b"a b", "image/gif"),
        ("", b"", "image/gif"),
    ],
)
def test_bytes_are_sent_as_bytes(value: str, content: bytes, media_type: str) -> None:
    run = go(
        {"file": value, "name": "x"},
        method="PUT",
        input=fields("name", file={**FILE, "contentMediaType": "image/gif"}),
        encoding="binary",
        places={"name": "query"},
    )

    assert (run.request.path, run.request.content, run.headers) == (
        "/go?name=x",
        content,
        {"content-type": media_type},
    )


def test_bytes_have_a_bound() -> None:
    with pytest.raises(InvalidInputError, match="`f` holds more than 3 bytes") as caught:
        read_base64("YWJjZA==", field="f", max_bytes=3)
    assert (caught.value.field, caught.value.status) == ("f", 413)
    assert read_base64("YWJj", field="f", max_bytes=3).content == b"abc"


def test_a_text_is_sent_as_it_is() -> None:
    run = go({"text": "grüß\nGott"}, input=fields("text"), encoding="text")

    assert (run.request.content, run.headers) == (
        "grüß\nGott".encode(),
        {"content-type": "text/plain; charset=utf-8"},
    )


def test_a_list_can_be_the_whole_body() -> None:
    run = go({"rows": [{"a": 1}], "dry": True}, input=fields(rows=LIST, dry={}), places={"rows": "content"})

    assert (run.request.path, run.request.content) == ("/go?dry=true", b'[{"a":1}]')


def test_an_object_that_is_the_whole_body_is_what_hooks_see() -> None:
    run = go({"row": {"a": 1}}, Upper(), input=fields(row=ANY), places={"row": "content"})

    assert run.request.content == b'{"a":1,"seen":"[\'a\']"}'


# ---------------------------------------------------------------- hooks


class Upper:
    """Adds what it saw to the body."""

    @hookimpl
    def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
        if request.body is not None:
            request.body["seen"] = str(sorted(request.body))


def test_what_hooks_change_in_a_form_is_written_anew() -> None:
    run = go({"a": "1"}, Upper(), input=fields("a"), encoding="form")

    assert parse_qs((run.request.content or b"").decode()) == {"a": ["1"], "seen": ["['a']"]}


def test_what_hooks_change_in_a_multipart_body_is_written_anew() -> None:
    run = go({"a": "aGk="}, Upper(), input=fields(a=FILE), encoding="multipart")

    form, files = form_of(run)
    assert form == [("seen", "['a']")]
    assert files["a"][2] == b"hi"


def test_hooks_see_no_fields_in_bytes_and_cannot_add_any() -> None:
    class Adds:
        @hookimpl
        def hookline_shape_request(self, request: UpstreamRequest) -> None:
            assert request.body is None
            request.body = {"a": 1}

    run = go({"file": "aGk="}, Adds(), input=fields(file=FILE), encoding="binary")

    assert (run.status, run.json["error"]["code"], run.sent) == (500, "plugin_failed", [])


def test_a_copy_of_a_request_keeps_bytes_that_are_the_body() -> None:
    request = UpstreamRequest(method="PUT", base_url="https://x.example", path="/", content=b"hi")
    other = UpstreamRequest(method="PUT", base_url="https://x.example", path="/", body={"a": 1}, content=b"x")

    assert request.copy().content == b"hi"
    assert other.copy().content is None


def test_the_text_of_a_request_shows_neither_query_nor_headers() -> None:
    request = UpstreamRequest(
        method="GET", base_url="https://x.example", path="/a?api_key=canary", headers={"x": "canary"}
    )

    assert repr(request) == "UpstreamRequest(GET https://x.example/a, headers=['x'])"
