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
    for known in (f"W/{tag}", f'"x", {tag}', f'W/"a,b" , W/{tag}', "*"):
        assert get(client, "/openapi.json", if_none_match=known).status_code == 304
    for unknown in (tag.strip('"'), f'{tag[:-1]}x"', '"*"', ""):
        assert get(client, "/openapi.json", if_none_match=unknown).status_code == 200
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
        ("/exports?actions=nasty.tree", 422, "actions", "There is no parameter 'actions'."),
        ("/exports/mine?server=https://a.example.com/?q", 422, "server", "`server` must be an address"),
        ("/exports/mine?server=https://user@a.example.com", 422, "server", "`server` must be an address"),
        ("/exports/mine?server=https://a.example.com:99999", 422, "server", "`server` must be an address"),
        ("/exports/mine?server=https://a.example.com%0d%0ax:y", 422, "server", "`server` must be an address"),
        ("/exports/mine?server=" + "https://a.example.com/" + "a" * 600, 422, "server", "`server` must be"),
        ("/exports/mine?actions=nothing.*", 422, "actions", "No action matches `nothing.*`."),
        (
            "/exports/mine?actions=nasty.tree,nasty.tre",
            422,
            "actions",
            "No action matches `nasty.tre`. Did you mean `nasty.tree`?",
        ),
        ("/exports/mine?actions=nast.*", 422, "actions", "Did you mean `nasty.*`?"),
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
    ("make", "misdeed"),
    [
        (lambda _: {}, "it returned no file"),
        (lambda _: {"../x": 1}, "it returned a file whose name leads elsewhere: '../x'"),
        (lambda _: {"/x": 1}, "it returned a file whose name leads elsewhere: '/x'"),
        (lambda _: {"x/": 1}, "it returned a file whose name leads elsewhere: 'x/'"),
        (lambda _: {7: 1}, "it returned a file whose name leads elsewhere: '7'"),
        (lambda _: {"\ud800": 1}, "it returned a file whose name leads elsewhere: '\\ud800'"),
        (lambda _: {"x.json": object()}, "what it returned as 'x.json' is not JSON"),
        (lambda _: {"y.json": float("nan")}, "what it returned as 'y.json' is not JSON"),
        (lambda _: {"x.txt": "\ud800"}, "what it returned as 'x.txt' is not text that UTF-8 can hold"),
        (lambda _: {"x.json": ["\ud800"]}, "what it returned as 'x.json' is not text that UTF-8 can hold"),
        (lambda _: None, "it returned NoneType instead of a mapping of names to content"),
        (lambda _: ["x"], "it returned list instead of a mapping of names to content"),
        (lambda _: int("a secret"), "it failed with ValueError"),
        (lambda: {}, "it failed with TypeError"),
        ("no_such_module:make", "the import of 'no_such_module' failed with ModuleNotFoundError"),
        ("json:no_such", "the module 'json' has no function 'no_such'"),
    ],
)
def test_a_target_that_fails_is_named_with_its_plugin_and_no_more(make: Any, misdeed: str) -> None:
    gateway = make_gateway(Targets(target(make)), ExportsPlugin())
    answer = create_app(gateway).test_client().get("/exports/mine")
    assert answer.json is not None

    assert (answer.status_code, answer.json["error"]["code"]) == (500, "plugin_failed")
    plugin = gateway.export_targets["mine"].plugin
    assert answer.json["detail"] == (
        f"The export 'mine' of the plugin {plugin!r} cannot be written: {misdeed}."
    )
    gateway.close()


@pytest.mark.parametrize(
    "make", ["module", "module:", ":make", "a-b:make", "module:a:b", "a b:make", 7, None]
)
def test_what_writes_a_target_is_a_function_or_the_name_of_one(make: Any) -> None:
    with pytest.raises(ConfigurationError, match="'mine': `make` must be a function, or its name as"):
        target(make)


def test_a_target_knows_the_plugin_that_added_it() -> None:
    gateway = make_gateway(Targets(target(ids)), ExportsPlugin())

    assert gateway.export_targets["mine"].plugin in gateway.host.plugins
    assert gateway.export_targets["openapi"].plugin != gateway.export_targets["mine"].plugin
    gateway.close()


def test_what_a_platform_cannot_take_is_a_conflict_with_a_page_of_its_own() -> None:
    def refuse(blueprint: Blueprint) -> dict[str, object]:
        raise ConfigurationError("Too much.", hint="Leave some out with `--actions`.")

    def refuse_otherwise(blueprint: Blueprint) -> dict[str, object]:
        raise ConfigurationError("Too much.", hint="Rename one.")

    gateway = make_gateway(Targets(target(refuse), target(refuse_otherwise, name="other")), ExportsPlugin())
    client = create_app(gateway).test_client()
    answer = client.get("/exports/mine").json
    other = client.get("/exports/other").json
    assert answer is not None
    assert other is not None

    assert {name: answer[name] for name in ("type", "title", "status", "detail", "retryable")} == {
        "type": "/problems/cannot_export",
        "title": "The catalog cannot be written for this platform",
        "status": 409,
        "detail": "Too much.",
        "retryable": False,
    }
    assert answer["hint"].startswith("Ask for fewer or other actions with `actions`")
    assert other["hint"] == "Rename one."
    gateway.close()


def test_an_archive_is_packed_once() -> None:
    from hookline.exports.export import Export

    export = Export(target=target(ids), files={"a": b"a", "b": b"b"}, losses=())
    one = Export(target=target(ids), files={"a": b"a"}, losses=())

    assert export.as_archive() is export.as_archive()
    assert export.size_bytes == 2 + len(export.as_archive())
    assert one.size_bytes == 1


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


@pytest.mark.parametrize("returned", ["openapi", [1], {"a": 1}])
def test_a_plugin_that_returns_no_targets_keeps_the_gateway_from_starting(returned: Any) -> None:
    class Broken:
        @hookimpl
        def hookline_register_exports(self) -> Any:
            return returned

    with pytest.raises(
        ConfigurationError, match=r"'plugin1': hookline_register_exports\(\) must return a list"
    ):
        make_gateway(Broken())


def test_a_plugin_that_returns_nothing_adds_no_target() -> None:
    class Idle:
        @hookimpl
        def hookline_register_exports(self) -> None:
            return None

    gateway, plain = make_gateway(Idle()), make_gateway()

    assert set(gateway.export_targets) == set(plain.export_targets)
    gateway.close()
    plain.close()


def test_two_plugins_cannot_export_to_the_same_name() -> None:
    with pytest.raises(ConfigurationError, match="both export to 'mine'"):
        make_gateway(Targets(target(ids)), Targets(target(ids)))


@pytest.mark.parametrize("name", ["", "Mine", "mine!", "../x", "1st", "a" * 41])
def test_a_target_has_a_plain_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match="the name must be like `power-platform`"):
        target(ids, name)
