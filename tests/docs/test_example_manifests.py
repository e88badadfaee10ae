"""The manifests on the pages, run against a server of their own on loopback."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, cast

import jsonschema
import orjson
import pytest

from hookline.gateway import Gateway
from hookline.manifest import load_manifest
from hookline.manifest.checking import check_manifest
from hookline.manifest.reading import read_manifest_text
from hookline.settings import load_settings
from hookline.webhook.app import create_app
from hookline_schemas import load_manifest_format
from scripted_server import Peer, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

_FOLDER = Path(__file__).parents[2] / "docs" / "examples" / "manifests"
_FILES = sorted(_FOLDER.glob("*.yaml"))
_KEY = "a-key-for-tests-only-0001"
_PHOTO = b"\x89PNG\r\n\x1a\n"


class Shop:
    """The service of `petstore.yaml`."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], object]] = []

    def answer(self, peer: Peer, request: bytes) -> bool:
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        method, target, _ = first.split(" ")
        self.requests.append((f"{method} {target}", headers, orjson.loads(body) if body else None))
        status, kind, content = self.find(f"{method} {target}")
        peer.send(
            f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n"
            "connection: close\r\n\r\n".encode()
            + content
        )
        return True

    def find(self, what: str) -> tuple[int, str, bytes]:
        if what.endswith("/photo"):
            return 200, "image/png", _PHOTO
        told: dict[str, tuple[int, object]] = {
            "GET /v1/pets": (200, _page(1, "two")),
            "GET /v1/pets?kind=cat&tag=red&tag=old": (200, _page(1, None)),
            "GET /v1/pets?page=two": (200, _page(2, None)),
            "GET /v1/pets/7": (200, {"id": 7, "name": "Ada", "species": "cat", "born_on": "2024-01-31"}),
            "POST /v1/pets?notify=true": (201, {"id": 8, "name": "Bo", "species": "dog"}),
            "DELETE /v1/pets/7": (204, {}),
        }
        status, body = told.get(what, (404, {"error": {"message": "There is no such pet."}}))
        return status, "application/json", b"" if status == 204 else orjson.dumps(body)


def _page(first: int, following: str | None) -> dict[str, object]:
    return {"data": [{"id": first, "name": "Ada", "species": "cat"}], "paging": {"next": following}}


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def client(tmp_path: Path, shop: Shop) -> Iterator[FlaskClient]:
    with serving(shop.answer) as server:
        environ = {
            "HOOKLINE_API_KEYS": _KEY,
            "HOOKLINE_STATE_DIR": str(tmp_path / "state"),
            "HOOKLINE_CONNECTORS_DIR": str(_FOLDER),
            "HOOKLINE_PETSTORE_BASE_URL": f"http://127.0.0.1:{server.port}/v1",
            "HOOKLINE_PETSTORE_API_KEY": "the-key-of-the-shop",
        }
        gateway = Gateway(load_settings(environ), environ=environ)
        try:
            yield create_app(gateway).test_client()
        finally:
            gateway.close()


def _run(client: FlaskClient, action: str, fields: dict[str, object]) -> tuple[int, dict[str, object]]:
    answer = client.post(f"/actions/petstore.{action}", json=fields, headers={"x-api-key": _KEY})
    return answer.status_code, cast("dict[str, object]", answer.get_json())


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_an_example_is_right_and_has_all_that_good_forms_need(path: Path) -> None:
    jsonschema.Draft202012Validator(load_manifest_format()).validate(read_manifest_text(path.read_bytes()))
    report = check_manifest(path)
    assert (report.problems, report.hints) == ((), ())
    assert load_manifest(path).id == path.stem


def test_a_list_is_picked_and_its_query_written_as_declared(client: FlaskClient, shop: Shop) -> None:
    assert _run(client, "list_pets", {"kind": "cat", "tags": ["red", "old"]}) == (
        200,
        {"pets": [{"id": 1, "name": "Ada", "kind": "cat"}], "next_page": None, "warnings": []},
    )
    ((what, headers, _),) = shop.requests
    assert what == "GET /v1/pets?kind=cat&tag=red&tag=old"
    assert headers["x-api-key"] == "the-key-of-the-shop"


def test_a_list_is_read_to_its_end(client: FlaskClient, shop: Shop) -> None:
    status, output = _run(client, "list_pets", {"max_items": 10})
    assert status == 200
    assert [pet["id"] for pet in cast("list[dict[str, object]]", output["pets"])] == [1, 2]
    assert [what for what, _, _ in shop.requests] == ["GET /v1/pets", "GET /v1/pets?page=two"]


def test_a_form_s_text_becomes_the_number_of_the_path(client: FlaskClient) -> None:
    assert _run(client, "get_pet", {"pet_id": "7"}) == (
        200,
        {"id": 7, "name": "Ada", "kind": "cat", "born": "2024-01-31", "warnings": []},
    )


def test_a_body_is_shaped_and_fixed_values_go_along(client: FlaskClient, shop: Shop) -> None:
    status, output = _run(client, "add_pet", {"name": "Bo", "kind": "dog", "request_id": "r-1"})
    assert (status, output["id"]) == (200, 8)
    ((what, headers, body),) = shop.requests
    assert (what, body) == ("POST /v1/pets?notify=true", {"pet": {"name": "Bo", "species": "dog"}})
    assert headers["x-request-id"] == "r-1"


def test_a_photo_comes_as_base64(client: FlaskClient) -> None:
    assert _run(client, "get_photo", {"pet_id": 7})[1] == {
        "content": base64.b64encode(_PHOTO).decode(),
        "media_type": "image/png",
        "size_bytes": len(_PHOTO),
        "warnings": [],
    }


def test_a_refusal_means_what_the_manifest_says(client: FlaskClient) -> None:
    status, problem = _run(client, "get_pet", {"pet_id": 99})
    assert (status, cast("dict[str, object]", problem["error"])["code"]) == (404, "no_such_pet")
    assert "There is no such pet." in str(problem["message"])
    assert "Look the pet up with `petstore.list_pets`." in str(problem["hint"])


def test_a_mistake_is_told_before_anything_is_sent(client: FlaskClient, shop: Shop) -> None:
    status, problem = _run(client, "get_pet", {"pet_id": 0})
    assert (status, problem["field"], shop.requests) == (422, "pet_id", [])


def test_a_hidden_action_is_in_no_list_and_cannot_be_called(client: FlaskClient) -> None:
    listed = client.get("/actions", headers={"x-api-key": _KEY}).get_json()["actions"]
    assert {one["id"] for one in listed if one["id"].startswith("petstore.")} == {
        "petstore.add_pet",
        "petstore.get_pet",
        "petstore.get_photo",
        "petstore.list_pets",
    }
    assert _run(client, "remove_pet", {"pet_id": "7"})[0] == 404
