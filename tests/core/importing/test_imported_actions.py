"""Actions that were imported, called over real HTTP: each parameter arrives where OpenAPI says.

The expectations are those of the specifications' own tables: OpenAPI 2.0 "Parameter Object", OpenAPI 3.1.1
"Style Examples", RFC 7578 for forms with files.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs

import pytest

from hookline import Connector, hookimpl
from hookline.gateway import Gateway, load_plugins
from hookline.importing.openapi import import_openapi
from hookline.manifest.loading import connector_from
from hookline.manifest.writing import write_manifest_text
from hookline.settings import Settings
from hookline.webhook.app import create_app

if TYPE_CHECKING:
    from flask.testing import FlaskClient

FOLDER = Path(__file__).parent / "documents"
KEY = "a-key-for-tests-only-0001"
PHOTO = b"\x89PNG\r\n\x1a\n\x00\xff"


@dataclass
class Arrived:
    """One request as the service got it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Service:
    """A server on this machine that keeps what arrives, and answers what it was told."""

    arrived: list[Arrived] = field(default_factory=list)
    status: int = 200
    media_type: str = "application/json"
    answer: bytes = b"{}"
    pages: list[bytes] = field(default_factory=list)
    url: str = ""

    @property
    def last(self) -> Arrived:
        return self.arrived[-1]

    def parts(self) -> list[tuple[str, str | None, str, bytes]]:
        """Return the parts of a multipart body: name, file name, media type, content."""
        head = b"content-type: " + self.last.headers["content-type"].encode() + b"\r\n\r\n"
        message = BytesParser(policy=HTTP).parsebytes(head + self.last.body)
        return [
            (
                str(part.get_param("name", header="content-disposition")),
                part.get_filename(),
                part.get_content_type(),
                cast("bytes", part.get_payload(decode=True)),
            )
            for part in message.iter_parts()
        ]


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            service.arrived.append(Arrived(self.command, self.path, headers, self.rfile.read(length)))
            if service.pages:
                service.answer = service.pages.pop(0)
            self.send_response(service.status)
            if service.status != 204:
                self.send_header("content-type", service.media_type)
                self.send_header("content-length", str(len(service.answer)))
            self.end_headers()
            if service.status != 204:
                self.wfile.write(service.answer)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815  # named by `http.server`

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        service.url = f"http://127.0.0.1:{server.server_port}/base"
        yield service
        server.shutdown()
        thread.join(5)


def load(name: str, *, url: str) -> Connector:
    """Return the connector of a document, with its service on this machine."""
    imported = import_openapi((FOLDER / name).read_bytes(), connector_id="pets", name=name)
    manifest = {**imported.manifest, "base_url": url}
    return connector_from(write_manifest_text(manifest).encode(), name="pets.yaml")


class Caller:
    """Calls actions of a document through the webhook."""

    def __init__(self, connector: Connector, key: str) -> None:
        settings = Settings.model_validate({"api_keys": [KEY]})
        host = load_plugins(settings)

        class Plugin:
            @hookimpl
            def hookline_register_connectors(self) -> list[Connector]:
                return [connector]

        host.register(Plugin(), name="pets")
        self.gateway = Gateway(settings, host=host, environ={"HOOKLINE_PETS_API_KEY": key})
        self.client: FlaskClient = create_app(self.gateway).test_client()

    def __call__(self, verb: str, **fields: object) -> dict[str, object]:
        answer = self.client.post(
            f"/actions/pets.{verb}", json=fields, headers={"authorization": f"Bearer {KEY}"}
        )
        assert answer.status_code == 200, answer.text
        return cast("dict[str, object]", answer.json)


@pytest.fixture
def call(service: Service, request: pytest.FixtureRequest) -> Iterator[Caller]:
    name, key = request.param
    caller = Caller(load(name, url=service.url), key)
    yield caller
    caller.gateway.close()


old = pytest.mark.parametrize("call", [("pets_2.0.yaml", "YOUR_KEY")], indirect=True, ids=["2.0"])
middle = pytest.mark.parametrize("call", [("pets_3.0.yaml", "YOUR_KEY")], indirect=True, ids=["3.0"])


@old
def test_collection_formats_write_lists_into_the_query(call: Caller, service: Service) -> None:
    service.answer = b'[{"name": "Rex"}]'

    output = call("list_pets", limit=5, status=["open", "sold"], sort=["name", "age"], fields="name|owner")

    assert service.last.target.startswith("/base/pets?")
    assert parse_qs(service.last.target.partition("?")[2]) == {
        "limit": ["5"],
        "status": ["open", "sold"],
        "sort": ["name,age"],
        "fields": ["name|owner"],
    }
    assert service.last.headers["x-api-key"] == "YOUR_KEY"
    assert "authorization" not in service.last.headers
    assert output["items"] == [{"name": "Rex"}]


@old
def test_a_body_parameter_is_flattened_and_arrives_as_json(call: Caller, service: Service) -> None:
    service.answer = b'{"id": 9007199254740993, "name": "Rex"}'

    output = call("add_pet", name="Rex", owner={"email": None, "pets": [{"name": "Tom"}]})

    assert json.loads(service.last.body) == {
        "name": "Rex",
        "owner": {"email": None, "pets": [{"name": "Tom"}]},
    }
    assert service.last.headers["content-type"] == "application/json"
    assert output["id"] == 9007199254740993


@old
def test_form_fields_with_a_file_arrive_as_parts(call: Caller, service: Service) -> None:
    service.status = 204

    output = call(
        "upload_photo",
        petId="a/b",
        file=base64.b64encode(PHOTO).decode(),
        caption="Grüße",
        labels=["big", "red"],
    )

    assert service.last.target == "/base/pets/a%2Fb/photo"
    parts = {name: (file_name, content) for name, file_name, _, content in service.parts()}
    assert parts["caption"] == (None, "Grüße".encode())
    assert parts["labels"] == (None, b"big,red")
    assert parts["file"][0] is not None
    assert parts["file"][1] == PHOTO
    assert output == {"done": True, "warnings": []}


@old
def test_a_form_without_files_arrives_urlencoded(call: Caller, service: Service) -> None:
    service.answer = b'{"pets": [], "total": 0}'

    call("search_pets", name="Rex & Tom", tags=["a", "b"])

    assert service.last.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(service.last.body.decode()) == {"name": ["Rex & Tom"], "tags": ["a", "b"]}


@old
def test_a_file_as_the_answer_comes_in_base64(call: Caller, service: Service) -> None:
    service.answer, service.media_type = PHOTO, "image/png"

    output = call("get_photo", petId="7")

    assert base64.b64decode(str(output["content"])) == PHOTO
    assert (output["media_type"], output["size_bytes"]) == ("image/png", len(PHOTO))


@middle
def test_styles_write_lists_and_objects_into_the_query(call: Caller, service: Service) -> None:
    service.answer = b'{"data": [], "meta": {"next_cursor": null}}'

    call(
        "list_pets",
        tags=["a", "b"],
        ids=[1, 2],
        filter={"name": "Rex", "age": 3},
        left=1.5,
        x_trace_id="t-1",
        session="s1",
    )

    path, _, query = service.last.target.partition("?")
    assert path == "/base/pets"
    assert sorted(query.split("&")) == sorted(
        ["tags=a%2Cb", "ids=1", "ids=2", "filter%5Bname%5D=Rex", "filter%5Bage%5D=3", "left=1.5"]
    )
    assert service.last.headers["x-trace-id"] == "t-1"
    assert service.last.headers["cookie"] == "session=s1"
    assert service.last.headers["authorization"] == "Bearer YOUR_KEY"


@middle
def test_pages_that_were_recognised_are_gone_through(call: Caller, service: Service) -> None:
    service.pages = [
        json.dumps({"data": [{"id": page, "name": "Rex"}] * 2, "meta": {"next_cursor": cursor}}).encode()
        for page, cursor in enumerate(["abc", "def", "never"])
    ]

    output = call("list_pets", max_items=5, ids=[7])

    assert [pet["id"] for pet in cast("list[dict[str, object]]", output["data"])] == [0, 0, 1, 1, 2]
    queries = [parse_qs(one.target.partition("?")[2]) for one in service.arrived]
    assert [one["ids"] for one in queries] == [["7"]] * 3
    assert [one.get("cursor") for one in queries] == [None, ["abc"], ["def"]]


@middle
def test_what_only_the_service_fills_in_is_no_input(call: Caller) -> None:
    schema = call.gateway.catalog.find("pets.add_pet").input_schema
    output = call.gateway.catalog.find("pets.add_pet").output_schema

    assert "id" not in cast("dict[str, object]", schema["properties"])
    assert schema["required"] == ["name"]
    assert "secret" in cast("dict[str, object]", schema["properties"])
    assert "secret" not in cast("dict[str, object]", output["properties"])
    assert "id" in cast("dict[str, object]", output["properties"])


@middle
def test_a_list_is_the_whole_body(call: Caller, service: Service) -> None:
    service.answer = b"2"

    output = call("batch", body=[{"name": "Rex"}, {"name": "Tom"}])

    assert json.loads(service.last.body) == [{"name": "Rex"}, {"name": "Tom"}]
    assert output["result"] == 2


@middle
def test_bytes_are_the_whole_body_and_a_text_the_answer(call: Caller, service: Service) -> None:
    service.answer, service.media_type = b"stored", "text/plain"

    output = call("set_photo", petId=7, body=base64.b64encode(PHOTO).decode())

    assert (service.last.method, service.last.target) == ("PUT", "/base/pets/7/photo")
    assert (service.last.headers["content-type"], service.last.body) == ("image/png", PHOTO)
    assert output["text"] == "stored"


@middle
def test_a_multipart_body_of_3_0_has_its_file_and_one_part_per_item(call: Caller, service: Service) -> None:
    call("upload", file=base64.b64encode(PHOTO).decode(), purpose="test", tags=["a", "b"])

    assert [(name, content) for name, _, _, content in service.parts()] == [
        ("file", PHOTO),
        ("purpose", b"test"),
        ("tags", b"a"),
        ("tags", b"b"),
    ]


@middle
def test_an_object_in_a_form_is_written_in_brackets(call: Caller, service: Service) -> None:
    call("login", user="ada", scopes=["read", "write"], options={"remember": True})

    assert parse_qs(service.last.body.decode()) == {
        "user": ["ada"],
        "scopes": ["read", "write"],
        "options[remember]": ["true"],
    }


@middle
def test_an_operation_without_an_answer_is_done(call: Caller, service: Service) -> None:
    service.status = 204

    assert call("delete_pet", petId=7) == {"done": True, "warnings": []}
    assert (service.last.method, service.last.target) == ("DELETE", "/base/pets/7")
