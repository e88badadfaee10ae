"""What no connector may declare is told when it is declared: which action, which argument, and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from declared_lab import ANY, FILE, LIST, declare, fields
from hookline import (
    BasicCredential,
    Connector,
    CredentialPlacement,
    EventStream,
    InPlace,
    OAuth2Credential,
    QueryCredential,
)
from hookline.errors import ConfigurationError


class Find(BaseModel):
    """Finds."""

    email: str
    limit: int = 5


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"method": "FETCH"}, "`method`: 'FETCH' is none of GET"),
        ({"method": "GET\r\n"}, "`method`"),
        ({"path": "contacts"}, "`path`: 'contacts' must begin with a slash"),
        ({"path": "https://evil.example/"}, "must begin with a slash"),
        ({"path": "/a/../b"}, "must not lead upwards"),
        ({"path": "/a/%2e%2E/b"}, "must not lead upwards"),
        ({"path": "/a?b=1"}, "put fixed values into `defaults`"),
        ({"path": "/a#b"}, "holds a query or a fragment"),
        ({"path": "/a b"}, "is to be percent-encoded"),
        ({"path": "/a\\b"}, "is to be percent-encoded"),
        ({"path": "/{a"}, "has a brace without its pair"),
        ({"path": "/{}"}, "has a brace without its pair"),
        ({"path": "/{email}/{email}"}, r"has the placeholder \{email\} twice"),
        ({"path": "/{id}"}, r"the placeholder \{id\} is no field of the input; it has 'email', 'limit'"),
        ({"places": {"mail": "query"}}, "the input has no field 'mail'; it has 'email', 'limit'"),
        ({"places": {"email": "top"}}, "'top' is none of path, query"),
        ({"places": {"email": InPlace(where="query", style="odd")}}, "'odd' is none of repeat"),  # type: ignore[arg-type]
        ({"places": {"email": InPlace(where="query", name="")}}, "'' is no name"),
        ({"places": {"email": "path"}}, r"the path has no placeholder \{email\}"),
        ({"path": "/{email}", "places": {"email": "query"}}, r"the path has a placeholder \{email\}"),
        ({"places": {"email": InPlace(where="body", name="limit")}}, "'email' and 'limit' both go to body"),
        (
            {
                "places": {
                    "email": InPlace(where="header", name="X-A"),
                    "limit": InPlace(where="header", name="x-a"),
                }
            },
            "'email' and 'limit' both go to header",
        ),
        ({"places": {"email": InPlace(where="header", name="Host")}}, "the header 'Host' is set by"),
        ({"places": {"email": InPlace(where="header", name="cookie")}}, "the header 'cookie' is set by"),
        ({"places": {"email": InPlace(where="header", name="Authorization")}}, "is set by the gateway"),
        ({"places": {"email": InPlace(where="header", name="a b")}}, "'a b' is no name of a header"),
        ({"places": {"email": InPlace(where="cookie", name="a=b")}}, "'a=b' is no name of a cookie"),
        ({"places": {"email": "body"}, "method": "GET"}, "a GET request has no body"),
        ({"places": {"email": "content", "limit": "body"}}, "'email' is the whole body, so 'limit' cannot"),
        ({"places": {"email": "content", "limit": "content"}}, "are both the whole body"),
        ({"encoding": "xml"}, "`encoding`: 'xml' is none of json, form"),
        ({"encoding": "form", "method": "GET"}, "a GET request has no body that could be form"),
        ({"encoding": "text"}, "a body that is text is one field; say which"),
        ({"answers": "xml"}, "`answers`: 'xml' is none of json, text"),
        ({"pick": "a["}, "`pick`: 'a\\[' is not JMESPath"),
        ({"pick": "a" * 3000}, "longer than 2,000 characters"),
        ({"pick": "a", "answers": "text"}, "`pick`: an answer that is text holds no JSON"),
        ({"pick": "a", "present": print}, "`pick`: `present` makes the output"),
        ({"shape": "a["}, "`shape`: 'a\\[' is not JMESPath"),
        ({"shape": "@", "method": "GET"}, "`shape`: a GET request has no body"),
        ({"shape": "@", "places": {"email": "content"}}, "a field is the whole body already"),
        ({"places": {"email": "query"}, "prepare": print}, "`places`: `prepare` writes the request"),
        ({"defaults": {"a": 1}, "prepare": print}, "`defaults`: `prepare` writes the request"),
        ({"output": None}, "`output`: it is missing"),
        ({"defaults": {"a": object()}}, "`defaults`: its values must be JSON"),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(declared: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem) as caught:
        declare(input=Find, **declared)
    assert caught.value.message.startswith("crm.go: ")


@pytest.mark.parametrize(
    "declared",
    [
        {"path": "/x/{anything}", "input": {}},
        {
            "path": "/x/{anything}",
            "input": {"type": "object", "additionalProperties": True, "properties": {}},
        },
        {"places": {"other": "query"}, "input": {"anyOf": [{"required": ["a"]}]}},
        {"path": "/{a}/{b}", "input": {"allOf": [fields("a"), {"properties": {"b": {}}}]}},
        {"path": "/{email}", "input": Find},
        {"path": "/{version}", "input": Find, "defaults": {"version": 2}},
        {"path": "/%41/a.b/~c/:d@e", "input": Find},
        {"encoding": "binary", "input": fields(file=FILE)},
        {"method": "delete", "places": {"a": "body"}, "input": fields("a")},
        {"places": {"rows": "content"}, "input": fields("dry", rows=LIST)},
    ],
)
def test_what_makes_sense_is_taken(declared: Any) -> None:
    assert "crm.go" in declare(**declared).actions


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"base_url": "crm.example"}, "Connector 'crm': `base_url`: 'crm.example' is not an absolute"),
        ({"base_url": "ftp://crm.example"}, "`base_url`"),
        ({"base_url": "https://user:canary@crm.example"}, "`base_url`"),
        ({"base_url": "https://crm.example/?a=1"}, "`base_url`"),
        ({"base_url": "https://crm.example/ x"}, "`base_url`"),
        ({"id": "c" * 41}, "at most 40 long"),
        ({"forward_headers": ["X-A", "x-a"]}, "`forward_headers`: 'x-a' is named twice"),
        ({"forward_headers": ["Authorization"]}, "`forward_headers`: the header 'Authorization' is set by"),
        ({"forward_headers": ["x a"]}, "`forward_headers`: 'x a' is no name of a header"),
        ({"return_headers": ["x-a", "X-A"]}, "`return_headers`: 'x-a' is named twice"),
        ({"return_headers": ["x a"]}, "`return_headers`: 'x a' is no name"),
        ({"credential": CredentialPlacement(header="Host")}, "`credential`: `header` must be"),
        ({"credential": CredentialPlacement(header="host")}, "`credential`: `header` must be"),
        ({"credential": CredentialPlacement(prefix="a\r\nb: ")}, "`credential`: `prefix` holds"),
        ({"credential": QueryCredential(parameter="")}, "`credential`: `parameter` must be"),
        ({"credential": "bearer"}, "`credential`: it must be a CredentialPlacement"),
        ({"credential": OAuth2Credential(token_url="/token")}, "`token_url` must be an absolute"),
        ({"credential": OAuth2Credential(token_url="http://a.example/t")}, "must begin with https://"),
        ({"credential": OAuth2Credential(token_url="https://u:p@a.example/t")}, "without user, password"),
        ({"credential": OAuth2Credential(token_url="https://a.example/t", grant="password")}, "the grant"),  # type: ignore[arg-type]
        ({"credential": OAuth2Credential(token_url="https://a.example/t", scopes=("a b",))}, "is no scope"),
        (
            {
                "credential": OAuth2Credential(
                    token_url="https://a.example/t", parameters=(("client_secret", "x"),)
                )
            },
            "the parameter 'client_secret' is set by",
        ),
    ],
)
def test_a_connector_that_makes_no_sense_is_refused(given: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem) as caught:
        Connector(
            **{"id": "crm", "title": "CRM", "base_url": "https://crm.example", **given},
        )
    assert "canary" not in caught.value.message


@pytest.mark.parametrize(
    ("credential", "places"),
    [
        (CredentialPlacement(header="x-api-key", prefix=""), InPlace(where="header", name="X-API-Key")),
        (QueryCredential(parameter="api_key"), InPlace(where="query", name="api_key")),
        (BasicCredential(), InPlace(where="header", name="authorization")),
    ],
)
def test_no_field_takes_the_place_of_the_credential(credential: Any, places: InPlace) -> None:
    with pytest.raises(ConfigurationError, match=r"credential goes|is set by the gateway"):
        declare(input=fields("a"), credential=credential, places={"a": places})


def test_no_field_takes_the_credential_s_place_by_its_name() -> None:
    with pytest.raises(ConfigurationError, match="query's 'api_key' is where the credential goes"):
        declare(method="GET", input=fields("api_key"), credential=QueryCredential(parameter="api_key"))


def test_what_asks_for_a_stream_does_not_take_the_credential_s_place() -> None:
    with pytest.raises(ConfigurationError, match="'live' of `ask` is where the credential goes"):
        declare(
            method="GET",
            input=fields("q"),
            output=fields("text"),
            stream=EventStream(text="text", ask=(("live", True),)),
            credential=QueryCredential(parameter="live"),
        )


def test_a_base_url_loses_its_final_slash() -> None:
    assert Connector("crm", title="CRM", base_url="https://crm.example/v2/").base_url == (
        "https://crm.example/v2"
    )


def test_a_method_may_be_in_small_letters() -> None:
    assert declare(method="get", input=ANY).actions["crm.go"].method == "GET"
