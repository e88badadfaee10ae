"""What a plugin author writes, what follows from it, and what is refused."""

from __future__ import annotations

from typing import Any, cast

import pytest
from pydantic import BaseModel, Field, RootModel

from hookline import Connector, Reply, RouteRegistry, RouteRequest, Sample, WireEndpoint, hookimpl
from hookline.errors import ConfigurationError, HooklineError, InvalidInputError
from hookline.filling import fill_path
from hookline.gateway import Gateway
from hookline.order import Order
from hookline.plugins import PluginHost
from hookline.problems import ProblemFormat
from hookline.settings import Settings
from small_service import CALLER, Allow, Upstream, whole


class FindContact(BaseModel):
    """Find one contact by e-mail address."""

    email: str = Field(title="E-mail")
    limit: int | None = None


class Contact(BaseModel):
    """One contact."""

    name: str
    phone: str | None = None


def crm() -> Connector:
    return Connector("crm", title="CRM", base_url="https://crm.example/v2", credential=None)


# ---------------------------------------------------------------- few lines are enough


class Crm:
    """The plugin of a service, as short as it gets."""

    connector = crm()
    connector.endpoint(
        "find_contact", "get", "/contacts/{email}", input=FindContact, output=Contact, read_only=True
    )


def test_an_action_follows_from_two_models_and_a_path() -> None:
    action = Crm.connector.actions["crm.find_contact"]

    assert (action.id, action.title, action.method) == ("crm.find_contact", "Find contact", "GET")
    assert action.description == "Find one contact by e-mail address."
    assert (action.is_read_only, action.is_idempotent, action.stream) == (True, True, None)
    assert action.input_schema["required"] == ["email"]
    assert action.output_schema["required"] == ["name"]
    assert repr(Crm.connector) == "Connector('crm', actions=['crm.find_contact'])"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"email": "ada@example.com"}, "/contacts/ada@example.com"),
        ({"email": "a/b", "limit": "3"}, "/contacts/a%2Fb?limit=3"),
        ({"email": "a", "limit": None}, "/contacts/a"),
    ],
)
def test_such_an_action_runs(fields: dict[str, object], path: str) -> None:
    upstream = Upstream(lambda request: whole({"name": "Ada", "phone": None}))
    host = PluginHost()
    host.register(Allow(), name="allow")
    host.register(Crm(), name="crm")
    gateway = Gateway(Settings(), host=host, transport=upstream, environ={})

    reply = gateway.runner.run(CALLER, Order(action_id="crm.find_contact", fields=fields))

    assert (reply.status, reply.content) == (200, b'{"name":"Ada","phone":null,"warnings":[]}')
    assert (upstream.sent[0].method, upstream.sent[0].path, upstream.sent[0].content) == ("GET", path, None)


# ---------------------------------------------------------------- headers that come back


def test_a_header_comes_back_by_its_name_or_by_how_it_begins() -> None:
    connector = Connector("acme", title="Acme", return_headers=("x-request-id", "x-ratelimit-*"))
    names = ["x-request-id", "x-request-id-2", "x-ratelimit-left", "x-ratelimit-", "server", "x-request-id"]

    assert [connector.returns[name] for name in names] == [True, False, True, True, False, True]


def test_no_more_than_some_names_of_headers_are_remembered() -> None:
    connector = Connector("acme", title="Acme", return_headers=("x-*",))

    assert all(connector.returns[f"x-{number}"] for number in range(1000))
    assert not any(connector.returns[f"y-{number}"] for number in range(1000))
    assert len(connector.returns) == 256


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("id", ["", "Acme", "1acme", "a-b", "a.b", "a b", "acme\n", "ä"])
def test_a_connector_s_id_is_plain(id: str) -> None:
    with pytest.raises(ConfigurationError):
        Connector(id, title="x", base_url="https://x.example")


@pytest.mark.parametrize("verb", ["", "Find", "find-one", "find.one", "find\n", "x" * 60])
def test_a_verb_is_plain_and_short(verb: str) -> None:
    connector = crm()

    with pytest.raises(ConfigurationError):
        connector.endpoint(verb, "GET", "/", input={}, output={})
    assert connector.actions == {}


def test_an_action_is_defined_once() -> None:
    connector = crm()
    first = connector.endpoint("find", "GET", "/one", input={}, output={})

    with pytest.raises(ConfigurationError, match=r"Action 'crm\.find' is defined twice\."):
        connector.endpoint("find", "GET", "/two", input={}, output={})
    assert connector.actions == {"crm.find": first}


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_field_that_would_change_the_path_is_refused_by_name(value: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        fill_path("/things/{id}", {"id": value})

    assert caught.value.field == "id"


def test_values_stand_in_an_address_as_they_stand_in_json() -> None:
    upstream = Upstream(lambda request: whole({}))
    connector = crm()
    connector.endpoint("get", "GET", "/{id}", input={}, output={})
    host = PluginHost()
    host.register(Allow(), name="allow")
    host.register(type("Plugin", (), {"connector": connector})(), name="crm")
    gateway = Gateway(Settings(), host=host, transport=upstream, environ={})

    def get(value: object) -> int:
        return gateway.runner.run(CALLER, Order(action_id="crm.get", fields={"id": value, "q": value})).status

    statuses = [get(value) for value in (True, 1.5, 7, "a b", ["a", False], {"a": None}, None)]

    assert statuses == [200] * 6 + [422]
    assert [request.path for request in upstream.sent] == [
        "/true?q=true",
        "/1.5?q=1.5",
        "/7?q=7",
        "/a%20b?q=a+b",
        "/%5B%22a%22%2Cfalse%5D?q=a&q=false",
        "/%7B%22a%22:null%7D?q=%7B%22a%22%3Anull%7D",
    ]


def test_a_path_takes_its_fields_out_of_the_others() -> None:
    fields: dict[str, object] = {"a": "x y", "b": 7, "c": "left"}

    assert fill_path("/{a}/{b}", fields) == "/x%20y/7"
    assert fields == {"c": "left"}


# ---------------------------------------------------------------- routes


def view(request: RouteRequest) -> Reply:
    return Reply()


ENDPOINT = WireEndpoint(action="crm.find_contact", format=ProblemFormat())


def test_a_route_states_its_scope_or_that_it_is_public_and_its_plugin_is_known() -> None:
    routes = RouteRegistry()
    routes.plugin = "acme"

    routes.add("get", "/a", view, scope="catalog:read")
    routes.add("GET", "/b", view, public=True)
    routes.add_wire("POST", "/c", ENDPOINT)

    assert [(route.method, route.path, route.scope, route.is_public, route.plugin) for route in routes] == [
        ("GET", "/a", "catalog:read", False, "acme"),
        ("GET", "/b", None, True, "acme"),
        ("POST", "/c", "actions:run", False, "acme"),
    ]


def test_a_route_that_states_neither_or_both_is_refused() -> None:
    routes = RouteRegistry()

    with pytest.raises(ConfigurationError, match="must state either"):
        routes.add("GET", "/a", view)
    with pytest.raises(ConfigurationError, match="must state either"):
        routes.add("GET", "/a", view, scope="x", public=True)
    assert list(routes) == []


def test_an_address_is_taken_once_and_both_plugins_are_named() -> None:
    routes = RouteRegistry()
    routes.add("GET", "/a", view, public=True)
    routes.plugin = "acme"

    with pytest.raises(ConfigurationError, match="Route GET /a of 'acme' is taken by 'hookline' already"):
        routes.add("get", "/a", view, scope="x")
    routes.add("POST", "/a", view, scope="x")

    assert [(route.method, route.is_public) for route in routes] == [("GET", True), ("POST", False)]


def test_a_format_holds_below_its_prefix_only() -> None:
    routes = RouteRegistry()
    shape = ProblemFormat()
    routes.use_format("/v1", shape)

    found = {path: routes.format_of(path) is shape for path in ("/v1", "/v1/chat", "/v10", "/", "/x/v1")}

    assert found == {"/v1": True, "/v1/chat": True, "/v10": False, "/": False, "/x/v1": False}


# ---------------------------------------------------------------- starting


class Starts:
    """A plugin that fails where it is told to."""

    def __init__(self, *, startup: Exception | None = None, routes: Exception | None = None) -> None:
        self.startup, self.routes = startup, routes

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        if self.startup:
            raise self.startup

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        if self.routes:
            raise self.routes


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        (Starts(startup=RuntimeError("no disk")), "Plugin 'bad' could not start: RuntimeError: no disk"),
        (Starts(routes=KeyError("x")), "Plugin 'bad' could not add its routes: KeyError: 'x'"),
        (Starts(startup=ConfigurationError("Set ACME_KEY.")), "Set ACME_KEY."),
        (Starts(routes=ConfigurationError("Taken.")), "Taken."),
    ],
    ids=["startup", "routes", "a wrong setting", "a wrong route"],
)
def test_a_plugin_that_cannot_start_keeps_the_gateway_from_starting(plugin: Starts, words: str) -> None:
    host = PluginHost()
    host.register(plugin, name="bad")

    with pytest.raises(HooklineError) as caught:
        Gateway(Settings(), host=host, transport=Upstream(), environ={})
    assert caught.value.message == words


def test_a_gateway_says_what_it_lacks() -> None:
    empty = Gateway(Settings(), host=PluginHost(), transport=Upstream(), environ={})
    host = PluginHost()
    host.register(Allow(), name="allow")
    host.register(Crm(), name="crm")
    whole_one = Gateway(Settings(), host=host, transport=Upstream(), environ={})

    assert empty.missing_parts() == [
        "no plugin adds an action",
        "no plugin implements hookline_authenticate",
        "no plugin implements hookline_authorize",
    ]
    assert whole_one.missing_parts() == []


def test_closing_a_gateway_closes_its_transport() -> None:
    upstream = Upstream()

    Gateway(Settings(), host=PluginHost(), transport=upstream, environ={}).close()

    assert upstream.is_closed


# ---------------------------------------------------------------- what nobody could call or be told


class Numbers(BaseModel):
    """A number that many JSON readers cannot take."""

    big: int = Field(1, le=2**64)


class Several(RootModel[list[int]]):
    """A list in place of fields."""


class OrNothing(RootModel[Contact | None]):
    """A contact, or nothing."""


@pytest.mark.parametrize(
    ("input", "problem"),
    [
        (Several, "The input of odd.go must be an object, not array"),
        ({"type": ["string", "null"]}, "The input of odd.go must be an object"),
        ({"$ref": "#/$defs/T", "$defs": {"T": {"type": "string"}}}, "must be an object, not string"),
        (Numbers, "odd.go cannot be described as JSON: Integer exceeds 64-bit range"),
        ({"type": "object", "title": "\ud800"}, "The schema of the input of odd.go is not valid"),
    ],
    ids=["list", "text", "text elsewhere", "big number", "half a character"],
)
def test_an_action_that_nobody_could_use_keeps_its_plugin_out(input: Any, problem: str) -> None:
    class Odd:
        connector = Connector("odd", title="Odd", base_url="https://odd.example")
        connector.endpoint("go", "POST", "/go", input=input, output={"type": "object"})

    host = PluginHost()
    host.register(Odd(), name="odd")
    gateway = Gateway(Settings(), host=host, transport=Upstream(), environ={})

    assert gateway.host.plugins["odd"].status == "refused"
    assert problem in gateway.host.plugins["odd"].problem
    assert len(gateway.catalog) == 0
    gateway.close()


@pytest.mark.parametrize("input", [{}, {"type": ["object", "null"]}, OrNothing, FindContact])
def test_an_input_that_may_be_an_object_is_taken(input: Any) -> None:
    class Even:
        connector = Connector("even", title="Even", base_url="https://even.example")
        connector.endpoint("go", "POST", "/go", input=input, output={"type": "object"})

    host = PluginHost()
    host.register(Even(), name="even")
    gateway = Gateway(Settings(), host=host, transport=Upstream(), environ={})

    assert gateway.host.plugins["even"].status == "active"
    gateway.close()


def test_what_is_no_model_is_refused_where_it_stands() -> None:
    connector = Connector("acme", title="Acme", base_url="https://api.acme.example")
    with pytest.raises(TypeError, match="is neither a pydantic model nor a JSON Schema"):
        connector.endpoint("look", "GET", "/look", input={"type": "object"}, output=cast("Any", int))


def test_a_sample_needs_no_title() -> None:
    assert Sample(input={}, output={}).title == "Example"
