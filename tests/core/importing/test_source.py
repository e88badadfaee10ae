"""Where documents come from: a file, or an address that is asked once and not trusted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hookline.errors import ConfigurationError
from hookline.importing import source as source_module
from hookline.importing.openapi import import_openapi
from hookline.importing.source import read_source

DOCUMENT = json.dumps(
    {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "servers": [{"url": "../api"}],
        "paths": {"/a": {"get": {"responses": {"204": {"description": "ok"}}}}},
    }
).encode()


@contextmanager
def serving(
    content: bytes = DOCUMENT, *, status: int = 200, headers: dict[str, str] | None = None
) -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    asked: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join(5)


def test_an_address_is_asked_once_and_shown_without_its_query() -> None:
    with serving() as (url, asked):
        found = read_source(f"{url}/docs/openapi.json?token=YOUR_TOKEN#part")

    assert found.content == DOCUMENT
    assert (found.name, found.url) == (f"{url}/docs/openapi.json",) * 2
    assert [path for path, _ in asked] == ["/docs/openapi.json?token=YOUR_TOKEN"]
    assert not {"authorization", "cookie"} & asked[0][1].keys()


def test_a_relative_server_counts_against_the_address() -> None:
    with serving() as (url, _):
        found = read_source(f"{url}/docs/v1/openapi.json")
    imported = import_openapi(found.content, connector_id="acme", name=found.name, url=found.url)

    assert imported.manifest["base_url"] == f"{url}/docs/api"


def test_a_redirect_is_not_followed_and_its_target_told() -> None:
    with (
        serving() as (other, never),
        serving(status=302, headers={"location": f"{other}/x"}) as (url, _),
        pytest.raises(ConfigurationError, match=r"redirects to http://.*/x, and redirects are not"),
    ):
        read_source(url)

    assert never == []


def test_what_is_not_found_is_told_with_its_status() -> None:
    with serving(status=404) as (url, _), pytest.raises(ConfigurationError, match="answered with status 404"):
        read_source(f"{url}/nothing")


def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "MAX_BYTES", 1_000)

    with (
        serving(b"x" * 100_000) as (url, _),
        pytest.raises(ConfigurationError, match="more than 1,000 bytes"),
    ):
        read_source(url)


def test_a_slow_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "FETCH_TIMEOUT_S", -1.0)

    with serving() as (url, _), pytest.raises(ConfigurationError, match="did not send all of it within"):
        read_source(url)


def test_an_address_where_nobody_listens_is_an_error_that_says_what_to_do() -> None:
    with serving() as (url, _):
        pass

    with pytest.raises(ConfigurationError, match=r"could not be fetched: .* name the file"):
        read_source(url)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("file:///etc/passwd", "only https:// and http:// addresses are fetched"),
        ("ftp://example.com/openapi.json", "only https:// and http:// addresses are fetched"),
        ("https://user:word@example.com/openapi.json", "holds a user name or a password"),
        ("https://", "is no address"),
        ("https://exa mple.com/", "is no address"),
        ("http://example.com:99999/", "is no address"),
        ("nowhere.yaml", "cannot be read: No such file"),
        ("\0", "cannot be read"),
        (".", "cannot be read: Is a directory"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_is_asked(address: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_source(address)

    assert problem in caught.value.message
    assert "word" not in caught.value.message.replace("password", "")


def test_a_file_is_called_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "acme.json"
    path.write_bytes(DOCUMENT)

    found = read_source(str(path))

    assert (found.content, found.name, found.url) == (DOCUMENT, "acme.json", None)
