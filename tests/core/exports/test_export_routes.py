"""``/exports``: what a caller may run, for the address that it names."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from hookline import Blueprint, ExportTarget, hookimpl
from hookline.errors import ConfigurationError
from hookline.exports import ExportsPlugin
from hookline.exports.blueprints import make_blueprint
from hookline.gateway import Gateway
from hookline.settings import Settings
from hookline.webhook.app import create_app
from nasty_connector import KEY, nasty_gateway, nasty_host
from small_service import make_gateway

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse


class Targets:
    """Adds targets that write what a test wants."""

    def __init__(self, *targets: ExportTarget) -> None:
        self.targets = list(targets)

    @hookimpl
    def hookline_register_exports(self) -> Any:
        return self.targets


def target(make: Any, name: str = "mine") -> ExportTarget:
    return ExportTarget(name=name, title="Mine", summary="Mine.", next_step="Read.", file="mine", make=make)


def ids(blueprint: Blueprint) -> dict[str, object]:
    return {"ids.json": [one.id for one in blueprint.actions], "server.txt": blueprint.server_url}


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    host = nasty_host(with_installed=False)
    host.register(Targets(target(ids)), name="targets")
    gateway = Gateway(Settings.model_validate({"api_keys": [KEY]}), host=host, environ={})
    yield create_app(gateway).test_client()
    gateway.close()


def get(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    return client.get(path, headers={"x-api-key": KEY, **headers})


def test_the_list_says_what_comes_out_and_what_to_do(client: FlaskClient) -> None:
    answer = get(client, "/exports").json
    assert answer is not None

    assert answer["count"] == len(answer["exports"])
    assert {
        "name": "mine",
        "title": "Mine",
        "summary": "Mine.",
        "next_step": "Read.",
        "file": "mine",
        "href": "/exports/mine",
    } in answer["exports"]


def test_several_files_come_as_one_archive_of_the_same_bytes(client: FlaskClient) -> None:
    answer = get(client, "/exports/mine?actions=nasty.tree,nasty.w*")

    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="mine.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.namelist() == ["mine/ids.json", "mine/server.txt"]
        assert archive.read("mine/ids.json") == b'[\n  "nasty.tree",\n  "nasty.wide"\n]\n'
    assert get(client, "/exports/mine?actions=nasty.tree,nasty.w*").data == answer.data


def test_one_of_several_files_has_an_address(client: FlaskClient) -> None:
    assert (
        get(client, "/exports/mine/server.txt?server=https://a.example.com/x/").text
        == "https://a.example.com/x"
    )
    assert (
        get(client, "/exports/mine/server.txt", host="b.example.com:8080").text == "http://b.example.com:8080"
    )


def test_a_document_that_has_not_changed_is_not_sent_again(client: FlaskClient) -> None:
    tag = get(client, "/openapi.json").headers["etag"]

    again = get(client, "/openapi.json", if_none_match=tag)
    other = get(client, "/openapi.json?actions=nasty.tree", if_none_match=tag)

    assert (again.status_code, again.data) == (304, b"")
    assert other.status_code == 200
    assert "authorization" in other.headers["vary"]


@pytest.mark.parametrize(
    ("path", "status", "field", "message"),
    [
        ("/exports/openap", 404, None, "Did you mean 'openapi'?"),
        ("/exports/mine/id.json", 404, None, "Did you mean 'ids.json'?"),
        ("/exports/mine/../../etc/passwd", 404, None, ""),
        ("/exports/mine/%2e%2e%2fids.json", 404, None, ""),
        ("/exports/mine?server=javascript:alert(1)", 422, "server", "`server` must be an address"),
        ("/exports/mine?server=https://a.example.com/?q", 422, "server", "`server` must be an address"),
        ("/exports/mine?server=https://user@a.example.com", 422, "server", "`server` must be an address"),
        ("/exports/mine?server=https://a.example.com:99999", 422, "server", "`server` must be an address"),
        ("/exports/mine?server=https://a.example.com%0d%0ax:y", 422, "server", "`server` must be an address"),
        ("/exports/mine?server=" + "https://a.example.com/" + "a" * 600, 422, "server", "`server` must be"),
        ("/exports/mine?actions=nothing.*", 404, None, "There is no action to export."),
        ("/exports/mine?actions=" + "a," * 101, 422, "actions", "more than 100 patterns"),
        ("/exports/mine?action=openai.chat", 422, "action", "There is no parameter 'action'."),
    ],
)
def test_a_wrong_question_is_told_by_its_parameter(
    client: FlaskClient, path: str, status: int, field: str | None, message: str
) -> None:
    answer = get(client, path)
    assert answer.json is not None

    assert answer.status_code == status
    assert answer.json["field"] == field
    assert message in answer.json["message"]


def test_a_host_that_is_no_address_stays_out_of_the_document(client: FlaskClient) -> None:
    answer = get(client, "/openapi.json", host='a.example.com/"><script>')

    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/exports", "/exports/mine", "/exports/mine/ids.json", "/me"]
)
def test_nothing_is_told_to_those_without_a_key(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 401
    assert get(client, path).status_code == 200


def test_exports_can_be_public() -> None:
    gateway = nasty_gateway(
        plugins={"exports": {"public": True}}, server={"public_url": "https://h.example.com"}
    )
    client = create_app(gateway).test_client()

    document = client.get("/openapi.json").json
    assert document is not None

    assert document["servers"] == [{"url": "https://h.example.com"}]
    assert client.post("/actions/nasty.tree", json={"label": "x"}).status_code == 401
    gateway.close()


def test_a_key_sees_the_actions_that_it_may_run() -> None:
    from forms_lab import FormsLab, caller

    lab = FormsLab(principals=[caller("other", actions=("acme.*",))], plugins=[("exports", ExportsPlugin())])

    def paths(key: str) -> set[str]:
        found = lab.get("/openapi.json", key=key).json["paths"]
        return {path for path in found if path.startswith("/actions/")}

    assert paths("other") == {"/actions/acme.look", "/actions/acme.say"}
    assert paths("caller") > paths("other")


def test_me_says_whose_key_it_is(client: FlaskClient) -> None:
    answer = get(client, "/me").json
    assert answer is not None

    assert answer["tenant"] == "default"
    assert answer["label"] == "static key"
    assert "catalog:read" in answer["scopes"]
    assert KEY not in str(answer)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"../x": 1},
        {"/x": 1},
        {"x.json": object()},
        {"x.json": float("nan")},
        {"x.json": "\ud800"},
        None,
        7,
    ],
    ids=["none", "above", "root", "object", "nan", "surrogate", "nothing", "number"],
)
def test_a_target_that_fails_is_told_and_no_more(files: Any) -> None:
    gateway = make_gateway(Targets(target(lambda blueprint: files)), ExportsPlugin())
    answer = create_app(gateway).test_client().get("/exports/mine")

    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    gateway.close()


def test_names_that_cannot_be_told_apart_are_left_out_and_the_rest_stays() -> None:
    from hookline import Connector
    from small_service import Acme

    connector = Connector("acme", title="Acme", base_url="https://api.acme.example")
    for verb in ("v1", "v_1", "look"):
        connector.endpoint(verb, "GET", "/v", input={"type": "object"}, output={"type": "object"})
    gateway = make_gateway(ExportsPlugin(), service=Acme(connector))
    client = create_app(gateway).test_client()

    def paths(query: str) -> list[str]:
        document = client.get(f"/openapi.json{query}").json or {}
        return [path for path in document["paths"] if path.startswith("/actions/")]

    assert paths("") == ["/actions/acme.look"]
    assert paths("?actions=acme.v1") == ["/actions/acme.v1"]
    losses = make_blueprint(gateway, server_url="https://h.example.com").losses.found
    assert [(one.action, one.lost) for one in losses] == [
        ("acme.v1", "It has the same name on platforms as acme.v_1, and is left out."),
        ("acme.v_1", "It has the same name on platforms as acme.v1, and is left out."),
    ]
    nothing = client.get("/openapi.json?actions=acme.v*").json or {}
    assert (nothing["status"], nothing["error"]["code"]) == (409, "cannot_export")
    assert "acme.v1 and acme.v_1 have the same name on platforms" in nothing["message"]
    gateway.close()


@pytest.mark.parametrize("returned", [None, "openapi", [1], {"a": 1}])
def test_a_plugin_that_returns_no_targets_keeps_the_gateway_from_starting(returned: Any) -> None:
    class Broken:
        @hookimpl
        def hookline_register_exports(self) -> Any:
            return returned

    with pytest.raises(
        ConfigurationError, match=r"'plugin1': hookline_register_exports\(\) must return a list"
    ):
        make_gateway(Broken())


def test_two_plugins_cannot_export_to_the_same_name() -> None:
    with pytest.raises(ConfigurationError, match="both export to 'mine'"):
        make_gateway(Targets(target(ids)), Targets(target(ids)))


@pytest.mark.parametrize("name", ["", "Mine", "mine!", "../x", "1st", "a" * 41])
def test_a_target_has_a_plain_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match="the name must be like `power-platform`"):
        target(ids, name)
