"""Upstream accounts: where they are, in the same words everywhere, and from which setting."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field

from hookline.connection import Connection, check_base_url, origin_of
from hookline.connections import (
    SANDBOX_BASE_URL,
    build_connections,
    first_of_each,
    look_up,
    nearest_variable,
)
from hookline.connector import Connector
from hookline.errors import ConfigurationError
from hookline.settings import Settings


class Options(BaseModel):
    region: str = "us"
    retries: int = Field(1, le=5)


def acme(*, options: type[BaseModel] | None = Options) -> Connector:
    return Connector(
        "acme",
        title="Acme",
        base_url="https://api.acme.example/v1",
        options=options,
        environment={"base_url": "ACME_BASE_URL", "api_key": "ACME_API_KEY"},
    )


def build(connections: dict[str, Any] | None = None, *, sandbox: bool = False, **environ: str) -> Connection:
    settings = Settings.model_validate({"connections": connections or {}, "sandbox": sandbox})
    return first_of_each(build_connections({"acme": acme()}, settings, environ))["acme"]


def refusal(connections: dict[str, Any] | None = None, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        build(connections, sandbox=False, **environ)
    return caught.value.message


# ---------------------------------------------------------------- origins


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.acme.example", "https://api.acme.example:443"),
        ("https://api.acme.example/v1/say?x=1#y", "https://api.acme.example:443"),
        ("http://api.acme.example", "http://api.acme.example:80"),
        ("HTTPS://API.Acme.Example/V1", "https://api.acme.example:443"),
        ("https://api.acme.example:443/", "https://api.acme.example:443"),
        ("https://api.acme.example:/", "https://api.acme.example:443"),
        ("http://api.acme.example:443", "http://api.acme.example:443"),
        ("https://api.acme.example:8443", "https://api.acme.example:8443"),
        ("https://api.acme.example:0", "https://api.acme.example:0"),
        ("https://api.acme.example.", "https://api.acme.example.:443"),
        ("https://user:word@api.acme.example", "https://api.acme.example:443"),
        ("https://api.acme.example@evil.example", "https://evil.example:443"),
        ("https://127.0.0.1:80", "https://127.0.0.1:80"),
        ("http://[::1]/v1", "http://[::1]:80"),
        ("http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080"),
        ("https://bücher.example", "https://bücher.example:443"),
        ("https://BÜCHER.example", "https://bücher.example:443"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example:443"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.acme.example",
        "/v1",
        "//api.acme.example",
        "https://",
        "https:///v1",
        "https:api.acme.example",
        "ftp://api.acme.example",
        "file:///etc",
        "javascript:alert(1)",
        "https://api.acme.example:port",
        "https://api.acme.example:99999",
        "https://[::1",
        "https://api.acme.example\u2100evil.example",
    ],
)
def test_what_is_no_absolute_web_address_has_no_origin(url: str) -> None:
    with pytest.raises(ConfigurationError):
        origin_of(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://user:word@acme.example", "scheme, host and path only"),
        ("https://sk-secret@acme.example", "scheme, host and path only"),
        ("https://acme.example/v1?key=1", "scheme, host and path only"),
        ("https://acme.example/v1#x", "scheme, host and path only"),
        ("https://acme.example/a b", "holds a space"),
        ("https://acme.example/\r\nx-evil: 1", "holds a space"),
        ("https://acme.example/\x00", "holds a space"),
        (" https://acme.example", ""),
        ("ftp://user:word@acme.example", "is not an absolute http or https URL"),
        ("user:word@acme.example", "is not an absolute http or https URL"),
        ("acme.example", "is not an absolute http or https URL"),
        ("ftp://acme.example", "is not an absolute http or https URL"),
    ],
)
def test_a_base_url_is_plain_or_refused_by_its_setting(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_base_url(url, setting="ACME_BASE_URL")

    assert caught.value.message.startswith("ACME_BASE_URL: ")
    assert words in caught.value.message
    assert "sk-secret" not in caught.value.message
    assert ":word@" not in caught.value.message


def test_a_base_url_loses_only_its_final_slash() -> None:
    assert check_base_url("https://Acme.example:8443/V1/", setting="x") == "https://Acme.example:8443/V1"


# ---------------------------------------------------------------- where a setting comes from


def test_without_settings_the_connector_s_own_address_is_used() -> None:
    assert build() == Connection(
        name="acme",
        connector="acme",
        base_url="https://api.acme.example/v1",
        origin="https://api.acme.example:443",
        options={"region": "us", "retries": 1},
    )


def test_own_variable_then_file_then_the_connector_s_variable() -> None:
    environ = {"HOOKLINE_ACME_BASE_URL": " https://own.example ", "ACME_BASE_URL": "https://fallback.example"}
    own, fallback = environ["HOOKLINE_ACME_BASE_URL"].strip(), environ["ACME_BASE_URL"]
    found = [
        look_up(acme(), "base_url", "https://file.example", environ),
        look_up(acme(), "base_url", "https://file.example", {"ACME_BASE_URL": fallback}),
        look_up(acme(), "base_url", None, {"ACME_BASE_URL": fallback, "HOOKLINE_ACME_BASE_URL": " "}),
        look_up(acme(), "base_url", None, {}),
    ]

    assert found == [
        (own, "HOOKLINE_ACME_BASE_URL"),
        ("https://file.example", "connections.acme.base_url"),
        (fallback, "ACME_BASE_URL"),
        (None, "ACME_BASE_URL"),
    ]


def test_a_connection_may_have_a_name_of_its_own() -> None:
    connection = build(
        {"main": {"connector": "acme", "base_url": "https://file.example/", "region": "eu"}},
        HOOKLINE_ACME_RETRIES="3",
    )

    assert connection == Connection(
        name="main",
        connector="acme",
        base_url="https://file.example",
        origin="https://file.example:443",
        options={"region": "eu", "retries": 3},
    )


def test_the_sandbox_takes_every_connection_whatever_is_set() -> None:
    connection = build(
        {"acme": {"base_url": "https://file.example"}},
        sandbox=True,
        HOOKLINE_ACME_BASE_URL="https://own.example",
    )

    assert (connection.base_url, connection.origin) == (SANDBOX_BASE_URL, "http://sandbox.invalid:80")


@pytest.mark.parametrize(
    ("connections", "environ", "words"),
    [
        ({"other": {}}, {}, "connections.other: there is no connector 'other'; known: acme."),
        (
            {"acme": {"api_key": "k" * 20, "credential_ref": "file:/x"}},
            {},
            "connections.acme: set `api_key` or `credential_ref`, not both.",
        ),
        ({"acme": {"base_url": "x"}}, {}, "connections.acme.base_url: "),
        ({}, {"HOOKLINE_ACME_BASE_URL": "x"}, "HOOKLINE_ACME_BASE_URL: "),
        ({}, {"ACME_BASE_URL": "https://u:p@x.example"}, "ACME_BASE_URL: "),
        ({"acme": {"retries": 9}}, {}, "connections: option `retries` of 'acme': "),
        ({}, {"HOOKLINE_ACME_RETRIES": "many"}, "option `retries` of 'acme': "),
    ],
)
def test_a_wrong_connection_is_named_by_its_setting(
    connections: dict[str, Any], environ: dict[str, str], words: str
) -> None:
    assert words in refusal(connections, **environ)


def test_an_option_of_a_connector_that_has_none_is_refused() -> None:
    settings = Settings.model_validate({"connections": {"acme": {"region": "eu"}}})

    with pytest.raises(ConfigurationError, match="connector 'acme' has no option 'region'"):
        build_connections({"acme": acme(options=None)}, settings, {})


def test_a_wrong_option_is_not_shown() -> None:
    message = refusal({"acme": {"retries": "sk-secret"}})

    assert "sk-secret" not in message


def test_a_connector_may_have_several_connections_and_its_variables_are_for_the_first() -> None:
    settings = Settings.model_validate(
        {
            "connections": {
                "spare": {
                    "connector": "acme",
                    "base_url": "https://spare.example",
                    "priority": 1,
                    "weight": 3,
                    "models": ["gpt-*"],
                },
                "acme": {},
            }
        }
    )

    found = build_connections({"acme": acme()}, settings, {"HOOKLINE_ACME_BASE_URL": "https://main.example"})

    assert [(one.connection.name, one.connection.base_url, one.is_default) for one in found] == [
        ("acme", "https://main.example", True),
        ("spare", "https://spare.example", False),
    ]
    assert (found[1].priority, found[1].weight, found[1].models) == (1, 3, ("gpt-*",))
    assert first_of_each(found) == {"acme": found[0].connection}


def test_a_credential_that_is_kept_elsewhere_must_be_found() -> None:
    connection = build({"acme": {"credential_ref": "file:/run/secrets/acme"}})

    assert (connection.credential_ref, connection.needs_credential) == ("file:/run/secrets/acme", True)
    assert not build({"acme": {"credential_ref": "file:/x"}}, sandbox=True).needs_credential


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("HOOKLINE_ACME_APIKEY", "HOOKLINE_ACME_API_KEY"),
        ("HOOKLINE_ACME_KEY", "HOOKLINE_ACME_API_KEY"),
        ("HOOKLINE_ACME_BASEURL", "HOOKLINE_ACME_BASE_URL"),
        ("HOOKLINE_ACME_REGOIN", "HOOKLINE_ACME_REGION"),
        ("HOOKLINE_PROT", "HOOKLINE_PORT"),
        ("HOOKLINE_ACME_SOMETHING_ELSE", None),
        ("HOOKLINE_UNKNOWN", None),
    ],
)
def test_a_misspelt_variable_is_compared_with_those_of_its_connector(
    variable: str, meant: str | None
) -> None:
    assert nearest_variable(variable, {"HOOKLINE_API_KEY"}, [acme()]) == meant
