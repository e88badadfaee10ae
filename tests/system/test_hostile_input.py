"""Bad input gets a clear answer, fast, and leaves the server healthy."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from live_gateway import KEY, Server

CHAT = "/actions/openai.chat"
AUTH = {"Authorization": f"Bearer {KEY}"}
JSON = {**AUTH, "Content-Type": "application/json"}
GOOD = b'{"model": "sandbox", "prompt": "ping"}'
FAST_S = 3.0


def call(
    server: Server,
    method: str,
    path: str,
    body: bytes | Iterator[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, object], dict[str, str]]:
    """Return status, JSON body and headers; fail if it took long."""
    headers = headers or {}
    begun = time.monotonic()
    with closing(server.connect()) as connection:
        connection.request(
            method, path, body=body, headers=headers, encode_chunked="Transfer-Encoding" in headers
        )
        response = connection.getresponse()
        content = response.read()
    assert time.monotonic() - begun < FAST_S
    return (
        response.status,
        json.loads(content) if content else {},
        {k.lower(): v for k, v in response.getheaders()},
    )


def post_head(*lines: str) -> bytes:
    """Return the head of a raw request that runs a chat and closes."""
    return "\r\n".join(
        [f"POST {CHAT} HTTP/1.1", "Host: x", f"Authorization: {KEY}", "Connection: close", *lines, "", ""]
    ).encode()


@pytest.fixture(autouse=True)
def server_stays_healthy(server: Server) -> Iterator[None]:
    yield
    assert server.is_healthy()
    status, output, _ = call(server, "POST", CHAT, GOOD, JSON)
    assert (status, output["text"]) == (200, "Simulated answer to: ping")
    assert "Traceback" not in server.log.read_text()


def deep(levels: int) -> bytes:
    return b'{"model": "sandbox", "prompt": "x", "metadata": ' + b"[" * levels + b"]" * levels + b"}"


BODIES = {
    "empty": (b"", 400, "empty_body", None),
    "not JSON": (b"model=sandbox", 400, "invalid_json", None),
    "cut off": (b'{"model": "sandbox", ', 400, "invalid_json", None),
    "an array": (b"[]", 400, "not_an_object", None),
    "null": (b"null", 400, "not_an_object", None),
    "a duplicate key": (
        b'{"model": "sandbox", "prompt": "a", "prompt": "b"}',
        400,
        "duplicate_key",
        "prompt",
    ),
    "an escaped duplicate": (
        b'{"model": "sandbox", "prompt": "a", "\\u0070rompt": "b"}',
        400,
        "duplicate_key",
        "prompt",
    ),
    "NaN": (b'{"model": "sandbox", "prompt": "x", "temperature": NaN}', 400, "invalid_json", None),
    "Infinity": (b'{"model": "sandbox", "prompt": "x", "temperature": 1e999}', 400, "invalid_json", None),
    "100,000 brackets": (deep(100_000), 400, "invalid_json", None),
    "200 levels": (deep(200), 400, "nested_too_deeply", None),
    "UTF-16": ('{"model": "sandbox"}'.encode("utf-16"), 400, "invalid_json", None),
    "UTF-16 without a mark": ('{"model": "sandbox"}'.encode("utf-16-le"), 400, "invalid_json", None),
    "a byte-order mark": (b"\xef\xbb\xbf" + GOOD, 400, "invalid_json", None),
    "invalid UTF-8": (b'{"model": "\xff"}', 400, "invalid_json", None),
    "a lone surrogate": (b'{"model": "\\ud800"}', 400, "invalid_json", None),
    "text after the end": (GOOD + GOOD, 400, "invalid_json", None),
    "a wrong type": (b'{"model": 5, "prompt": "x"}', 422, "invalid_input", "model"),
    "a number out of range": (
        b'{"model": "sandbox", "prompt": "x", "temperature": 2.1}',
        422,
        "invalid_input",
        "temperature",
    ),
    "a huge number": (
        b'{"model": "sandbox", "prompt": "x", "n": ' + b"9" * 400 + b"}",
        400,
        "invalid_json",
        None,
    ),
    "a misspelt field": (b'{"model": "sandbox", "promt": "x", "prompt": "y"}', 422, "invalid_input", "promt"),
    "no model": (b'{"prompt": "x"}', 422, "invalid_input", "model"),
    "neither prompt nor messages": (b'{"model": "sandbox"}', 422, "invalid_input", "prompt"),
    "a wrong role": (
        b'{"model": "sandbox", "messages": [{"role": "robot", "content": "x"}]}',
        422,
        "invalid_input",
        "messages[0].role",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_bad_body_is_refused_with_its_reason(server: Server, name: str) -> None:
    content, status, code, field = BODIES[name]

    answered, body, headers = call(server, "POST", CHAT, content, JSON)

    assert (answered, headers["content-type"]) == (status, "application/problem+json")
    assert body["error"]["code"] == code  # type: ignore[index]  # JSON
    assert body["field"] == field
    assert body["message"]
    assert body["retryable"] is False


@pytest.mark.parametrize("name", [name for name, row in BODIES.items() if row[1] == 400])
def test_bad_body_is_refused_on_the_wire_in_the_shape_of_openai(server: Server, name: str) -> None:
    content, status, code, field = BODIES[name]

    answered, body, headers = call(server, "POST", "/v1/chat/completions", content, JSON)

    assert answered == status
    assert list(body) == ["error"]
    error = body["error"]
    assert isinstance(error, dict)
    assert sorted(error) == ["code", "message", "param", "type"]
    assert (error["code"], error["param"], error["type"]) == (code, field, "invalid_request_error")
    assert headers["x-should-retry"] == "false"


def test_a_million_keys_are_refused_quickly(server: Server) -> None:
    content = b"{" + b",".join(b'"%x":1' % number for number in range(300_000)) + b"}"
    assert len(content) < 4_000_000

    status, body, _ = call(server, "POST", CHAT, content, JSON)

    assert (status, body["error"]["code"]) == (400, "too_many_members")  # type: ignore[index]  # JSON


def test_a_million_list_items_are_refused_quickly(server: Server) -> None:
    content = b'{"model": "sandbox", "prompt": "x", "messages": [' + b"1," * 1_500_000 + b"1]}"

    status, body, _ = call(server, "POST", CHAT, content, JSON)

    assert (status, body["error"]["code"]) == (400, "too_many_items")  # type: ignore[index]  # JSON


def test_a_million_values_with_commas_are_refused_quickly(server: Server) -> None:
    content = json.dumps({"model": "sandbox", "messages": "a," * 1_500_000}).encode()

    status, body, _ = call(server, "POST", CHAT, content, JSON)

    assert (status, body["field"]) == (422, "messages")


def test_half_a_form_is_not_run(server: Server) -> None:
    head = post_head("Content-Type: application/x-www-form-urlencoded", "Transfer-Encoding: chunked")
    piece = b"model=sandbox&prompt=Transfer it only if"

    answer = server.send_raw(head + b"%x\r\n%s\r\n" % (len(piece), piece), silence_s=2)

    assert answer.startswith(b"HTTP/1.1 411 ")


def test_half_a_json_body_is_not_run(server: Server) -> None:
    head = post_head("Content-Type: application/json", "Transfer-Encoding: chunked")
    piece = b'{"model": "sandbox", "prompt": "Transfer it only if'

    assert (
        b" 200 " not in server.send_raw(head + b"%x\r\n%s\r\nZZ\r\n" % (len(piece), piece), silence_s=2)[:20]
    )


def test_base_url_without_its_last_part_is_told_so(server: Server) -> None:
    status, body, _ = call(server, "POST", "/chat/completions", GOOD, JSON)

    assert status == 404
    assert "end your base URL with /v1" in str(body["message"])


def test_line_break_inside_a_text_is_told_how_to_be_written(server: Server) -> None:
    status, body, _ = call(server, "POST", CHAT, b'{"model": "sandbox", "prompt": "a\nb"}', JSON)

    assert (status, body["error"]["code"]) == (400, "invalid_json")  # type: ignore[index]  # JSON
    assert "a line break inside a text is written \\n" in str(body["message"])


def test_model_of_the_wrong_kind_is_the_fault_of_the_field(server: Server) -> None:
    content = b'{"model": "gpt-5.4-mini", "input": "x"}'

    status, body, _ = call(server, "POST", "/actions/openai.embed", content, JSON)

    assert (status, body["field"], body["error"]["code"]) == (400, "model", "model_not_suitable")  # type: ignore[index]  # JSON


def test_body_over_the_cap_is_refused_by_its_length(server: Server) -> None:
    head = post_head("Content-Type: application/json", "Content-Length: 4000001")

    answer = server.send_raw(head + b"x" * 1000)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer


def test_chunked_body_over_the_cap_is_refused_and_not_cut_short(server: Server) -> None:
    pieces = (b" " * 65536 for _ in range(70))

    status, body, _ = call(server, "POST", CHAT, pieces, {**JSON, "Transfer-Encoding": "chunked"})

    assert (status, body["error"]["code"]) == (413, "body_too_large")  # type: ignore[index]  # JSON


def test_chunked_body_under_the_cap_is_read_whole(server: Server) -> None:
    text = "word " * 400_000
    content = json.dumps({"model": "sandbox-completion", "prompt": "x", "user": text}).encode()
    pieces = (content[start : start + 65536] for start in range(0, len(content), 65536))

    status, body, _ = call(
        server, "POST", "/v1/completions", pieces, {**JSON, "Transfer-Encoding": "chunked"}
    )

    assert (status, body["object"]) == (200, "text_completion")


def test_content_length_together_with_transfer_encoding_smuggles_nothing(server: Server) -> None:
    """The server reads by Transfer-Encoding alone and closes, as RFC 9112 section 6.3 allows."""
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: {KEY}\r\nContent-Type: application/json\r\n"
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    smuggled = f"GET /actions HTTP/1.1\r\nHost: x\r\nAuthorization: {KEY}\r\n\r\n"

    answer = server.send_raw(
        head.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD) + smuggled.encode(), silence_s=2
    )

    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("name", ["Content_Length", "Content-Length ", "Transfer_Encoding"])
def test_look_alike_framing_headers_are_not_believed(server: Server, name: str) -> None:
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: {KEY}\r\nContent-Type: application/json\r\n"
        f"{name}: 3\r\nContent-Length: {len(GOOD)}\r\nConnection: close\r\n\r\n"
    )

    answer = server.send_raw(head.encode() + GOOD, silence_s=2)

    assert answer.startswith(b"HTTP/1.1 400 ") or b"Simulated answer to: ping" in answer


def test_two_content_lengths_are_refused(server: Server) -> None:
    head = post_head("Content-Length: 3", "Content-Length: 5")

    assert server.send_raw(head + b"{}   ").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/xml", 415),
        ("application/octet-stream", 415),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=UTF-8", 200),
        ("application/vnd.api+json", 200),
    ],
)
def test_content_type_decides_what_is_read(server: Server, content_type: str, status: int) -> None:
    answered, _, _ = call(server, "POST", CHAT, GOOD, {**AUTH, "Content-Type": content_type})

    assert answered == status


def test_json_sent_as_a_form_is_told_how_to_send_it(server: Server) -> None:
    headers = {**AUTH, "Content-Type": "application/x-www-form-urlencoded"}

    status, body, _ = call(server, "POST", CHAT, GOOD, headers)

    assert status == 415
    assert "Content-Type: application/json" in str(body["message"])


def test_compressed_body_is_refused(server: Server) -> None:
    status, _, _ = call(server, "POST", CHAT, b"\x1f\x8b\x08\x00", {**JSON, "Content-Encoding": "gzip"})

    assert status == 415


def test_unknown_action_names_similar_ones(server: Server) -> None:
    status, body, _ = call(server, "POST", "/actions/openai.caht", GOOD, JSON)

    assert (status, body["error"]["code"]) == (404, "unknown_action")  # type: ignore[index]  # JSON
    assert "openai.chat" in str(body["message"])


@pytest.mark.parametrize("path", ["/nothing", "/actions/", "/actions/openai.chat/", "/v2/chat/completions"])
def test_unknown_address_answers_404(server: Server, path: str) -> None:
    assert call(server, "GET", path, headers=AUTH)[0] == 404


@pytest.mark.parametrize(
    ("method", "path"), [("BREW", "/actions"), ("PUT", CHAT), ("OPTIONS", CHAT), ("GET", "/v1/embeddings")]
)
def test_unknown_method_is_told_which_are_known(server: Server, method: str, path: str) -> None:
    status, body, headers = call(server, method, path, headers=AUTH)

    assert (status, body["error"]["code"]) == (405, "method_not_allowed")  # type: ignore[index]  # JSON
    assert headers["allow"] in ("GET, HEAD", "GET, HEAD, POST", "GET, POST", "POST")


def test_missing_and_wrong_keys_get_the_same_answer(server: Server) -> None:
    attempts: list[dict[str, str]] = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer " + "x" * 8000},
        {"X-API-Key": "wrong"},
        {"X-API-Key": "caf\u00e9"},
    ]
    for path in (CHAT, "/actions/openai.nothing", "/v1/chat/completions"):
        answers = []
        for headers in attempts:
            status, body, sent = call(
                server, "POST", path, b"{not json", {**headers, "Content-Type": "application/json"}
            )
            body.pop("instance", None)
            # The body is not read before the key is known. Whether the server closes the connection after
            # that depends on how much of the body had arrived by then, and on nothing in the request.
            for name in ("date", "x-hookline-call-id", "x-request-id", "connection"):
                sent.pop(name, None)
            answers.append((status, body, sent))
        assert answers[0][0] == 401
        assert answers == [answers[0]] * len(answers)


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "{}", "Bearer Bearer {}"])
def test_key_is_taken_in_each_form(server: Server, form: str) -> None:
    assert call(server, "GET", "/actions", headers={"Authorization": form.format(KEY)})[0] == 200


def test_key_is_taken_from_its_own_header(server: Server) -> None:
    assert call(server, "GET", "/actions", headers={"X-API-Key": KEY})[0] == 200


@pytest.mark.parametrize("value", ["caf\u00e9", "a\x7fb", "x" * 300 + "\u00ff"])
def test_header_that_is_not_plain_text_does_not_hurt(server: Server, value: str) -> None:
    with closing(server.connect()) as connection:
        connection.request("POST", CHAT, GOOD, {**JSON, "X-Client-Request-Id": value})
        assert connection.getresponse().status in (200, 400)


@pytest.mark.parametrize("text", ["a\r\nset-cookie: x=1", "a\x00b", "a\nb", "\u2028", "<script>"])
def test_control_characters_in_fields_reach_no_header(server: Server, text: str) -> None:
    body = json.dumps({"model": text, "messages": [{"role": "user", "content": text}], "user": text}).encode()

    status, _, headers = call(server, "POST", "/v1/chat/completions", body, JSON)

    assert status == 404  # no such model; judged by the upstream
    assert "set-cookie" not in headers


@pytest.mark.parametrize("model", ["..", ".", "%2e%2e", "../../x", "a%0d%0ab", "a%00b", "..%2f..%2fx"])
def test_model_in_a_path_cannot_leave_its_place(server: Server, model: str) -> None:
    status, body, headers = call(server, "GET", f"/v1/models/{model}", headers=AUTH)

    assert status in (400, 404)
    error = body["error"]
    assert isinstance(error, dict)
    assert sorted(error) == ["code", "message", "param", "type"]
    assert "b" not in headers


def test_form_with_strings_is_read_like_json(server: Server) -> None:
    form = b"model=sandbox&prompt=ping&temperature=0.7&n=&max_tokens=50&raw=false&stop=zzz&top_p="
    headers = {**AUTH, "Content-Type": "application/x-www-form-urlencoded"}

    status, output, _ = call(server, "POST", CHAT, form, headers)

    assert (status, output["text"]) == (200, "Simulated answer to: ping")


def test_multipart_form_is_read_and_files_are_refused(server: Server) -> None:
    def part(name: str, value: str, extra: str = "") -> str:
        return f'--B\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n{value}\r\n'

    headers = {**AUTH, "Content-Type": "multipart/form-data; boundary=B"}
    good = (
        part("model", "sandbox") + part("prompt", "ping") + part("temperature", "0.5") + "--B--\r\n"
    ).encode()
    file = (part("model", "sandbox") + part("prompt", "x", '; filename="x.txt"') + "--B--\r\n").encode()

    status, output, _ = call(server, "POST", CHAT, good, headers)
    assert (status, output["text"]) == (200, "Simulated answer to: ping")
    status, body, _ = call(server, "POST", CHAT, file, headers)
    assert (status, body["field"]) == (422, "prompt")


def test_form_with_too_many_fields_is_refused(server: Server) -> None:
    form = b"&".join(b"f%d=1" % number for number in range(5000))
    headers = {**AUTH, "Content-Type": "application/x-www-form-urlencoded"}

    assert call(server, "POST", CHAT, form, headers)[0] == 400


def test_many_headers_do_not_hurt(server: Server) -> None:
    head = (
        "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        + "".join(f"X-{n}: {n}\r\n" for n in range(3000))
        + "\r\n"
    )

    answer = server.send_raw(head.encode())

    assert not answer or answer.split(b" ")[1] in (b"200", b"400", b"431")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 4096,
        b"POST /actions",
    ],
)
def test_garbage_on_the_socket_does_not_hurt(server: Server, garbage: bytes) -> None:
    answer = server.send_raw(garbage, silence_s=1)

    assert b" 200 " not in answer[:20]
