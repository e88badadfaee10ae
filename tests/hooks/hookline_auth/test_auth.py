"""Static keys: every form they are sent in, one answer for every mistake, and nothing kept in the clear."""

from __future__ import annotations

import gc
import hmac
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from pydantic import Field

from hookline import Call, Decision, InboundRequest, Principal, hookimpl
from hookline.connection import Connection
from hookline.connector import Connector
from hookline.errors import AuthenticationError, ConfigurationError
from hookline.gateway import Gateway
from hookline.options import PluginOptions
from hookline.plugins import PluginHost
from hookline.problems import ProblemFormat
from hookline.settings import Settings
from hookline_auth import AuthPlugin, static_keys
from hookline_auth.static_keys import SCOPES, StaticKeys, presented_key, public_id

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = "a-key-for-tests-only-0001"
OTHER_KEY = "a-key-for-tests-only-0002"


def request(**headers: str) -> InboundRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return InboundRequest(method="POST", path="/actions/acme.say", headers=named)


def refusal(gateway: Gateway, asked: InboundRequest) -> AuthenticationError:
    with pytest.raises(AuthenticationError) as caught:
        gateway.pipeline.authenticate(asked)
    return caught.value


def make_gateway(*others: object, keys: Sequence[str] = (KEY,)) -> Gateway:
    host = PluginHost()
    for number, plugin in enumerate(others):
        host.register(plugin, name=f"other{number}")
    host.register(AuthPlugin(), name="auth")
    return Gateway(Settings.model_validate({"api_keys": keys}), host=host, environ={})


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"authorization": f"BEARER   {KEY}  "},
        {"authorization": f"Bearer Bearer {KEY}"},
        {"authorization": f"Bearer bearer  {KEY}"},
        {"authorization": KEY},
        {"authorization": f" {KEY} "},
        {"x_api_key": KEY},
        {"x_api_key": f" {KEY} "},
        {"authorization": "", "x_api_key": KEY},
        {"authorization": " ", "x_api_key": KEY},
        {"authorization": f"Bearer {KEY}", "x_api_key": "wrong"},
    ],
)
def test_a_key_is_taken_in_every_form(headers: dict[str, str]) -> None:
    keys = StaticKeys([OTHER_KEY, KEY])

    assert keys.authenticate(request(**headers)) == Principal(
        key_id=public_id(KEY), scopes=SCOPES, label="static key"
    )


WRONG = [
    {},
    {"authorization": ""},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": f"Bearer{KEY}"},
    {"authorization": f"Basic {KEY}"},
    {"authorization": f"Bearer {KEY[:-1]}"},
    {"authorization": f"Bearer {KEY}x"},
    {"authorization": f"Bearer {KEY.upper()}"},
    {"authorization": f"Bearer {KEY},{OTHER_KEY}"},
    {"authorization": "Bearer wrong", "x_api_key": KEY},
    {"authorization": "Bearer \udcff\xff"},
    {"x_api_key": ""},
    {"x_api_key": "é" * 1000},
    {"x_api_key": f"Bearer {KEY}"},
    {"cookie": f"key={KEY}"},
]


@pytest.mark.parametrize("headers", WRONG, ids=map(str, range(len(WRONG))))
@pytest.mark.parametrize("known", [[KEY, OTHER_KEY], []], ids=["keys", "no keys"])
def test_every_mistake_gets_the_same_answer_to_the_byte(headers: dict[str, str], known: list[str]) -> None:
    shape = ProblemFormat()
    expected = shape.error_reply(
        AuthenticationError("This request carries no valid API key."), call_id="call_1"
    )

    error = refusal(make_gateway(keys=known), request(**headers))

    assert shape.error_reply(error, call_id="call_1") == expected
    assert (error.status, error.code) == (401, "invalid_api_key")


@pytest.mark.parametrize("presented", [KEY, OTHER_KEY, "wrong", None])
def test_every_key_is_compared_in_constant_time_whatever_is_found(
    presented: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []
    compare_digest = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(len(one))
        return compare_digest(one, other)

    monkeypatch.setattr(static_keys, "hmac", SimpleNamespace(compare_digest=compare))
    gateway = make_gateway(keys=[KEY, OTHER_KEY, "a-third-key-for-tests"])
    asked = request() if presented is None else request(authorization=presented)

    if presented in (KEY, OTHER_KEY):
        assert gateway.pipeline.authenticate(asked).key_id == public_id(presented)
    else:
        refusal(gateway, asked)

    assert compared == [64, 64, 64]


def test_only_hashes_are_kept_and_they_differ_from_gateway_to_gateway() -> None:
    key = "-".join(["a", "key", "made", "here", "0001"])
    one, other = StaticKeys([key]), StaticKeys([key])
    kept = [vars(one), vars(other)]

    assert key not in repr(kept)
    assert key.encode() not in b"".join(found[0] for found in one._principals)
    assert one._principals[0][0] != other._principals[0][0]
    assert one._principals[0][1] == other._principals[0][1]
    assert not any(referrer in (vars(one), vars(other)) for referrer in gc.get_referrers(key))


def test_the_public_id_tells_keys_apart_and_nothing_about_them() -> None:
    ids = {public_id(key) for key in (KEY, OTHER_KEY, KEY[::-1])}

    assert len(ids) == 3
    assert all(len(found) == 19 and found.startswith("static_") for found in ids)
    assert public_id(KEY) == public_id(KEY)


def test_nothing_is_presented_where_no_key_stands() -> None:
    found = [
        presented_key(request(**headers))
        for headers in ({}, {"authorization": "Bearer "}, {"x_api_key": " "})
    ]

    assert found == [None, None, None]


# ---------------------------------------------------------------- as a plugin


def test_the_plugin_reads_the_keys_of_its_own_gateway() -> None:
    gateway = make_gateway()

    principal = gateway.pipeline.authenticate(request(authorization=f"Bearer {KEY}"))

    assert principal.scopes == {"actions:run", "catalog:read", "usage:read"}
    assert gateway.host.order()["hookline_authenticate"] == ["auth"]


def test_another_plugin_is_asked_first_wherever_it_was_registered() -> None:
    class Tokens:
        @hookimpl
        def hookline_authenticate(self, request: InboundRequest) -> Principal | None:
            known = request.headers.get("authorization") == "Bearer signed.token"
            return Principal(key_id="token") if known else None

    pipeline = make_gateway(Tokens()).pipeline

    assert pipeline.authenticate(request(authorization="Bearer signed.token")).key_id == "token"
    assert pipeline.authenticate(request(x_api_key=KEY)).key_id == public_id(KEY)


def test_a_plugin_that_was_not_started_knows_nobody() -> None:
    assert AuthPlugin().hookline_authenticate(request(x_api_key=KEY)) is None


@pytest.mark.parametrize(
    ("scopes", "decision"),
    [
        ({"actions:run"}, Decision(allow=True)),
        (SCOPES, Decision(allow=True)),
        ({"catalog:read"}, None),
        ({"actions"}, None),
        ({"actions:run:acme.say"}, None),
        (set(), None),
    ],
)
def test_whoever_holds_the_right_may_run_and_others_are_left_to_other_plugins(
    scopes: set[str], decision: Decision | None
) -> None:
    connector = Connector("acme", title="Acme", base_url="https://acme.example")
    action = connector.endpoint("say", "POST", "/say", input={}, output={})
    call = Call(
        action=action,
        principal=Principal(key_id="x", scopes=frozenset(scopes)),
        connection=Connection(name="acme", connector="acme", base_url="https://acme.example"),
        input={},
        deadline=0,
    )

    assert AuthPlugin().hookline_authorize(call) == decision


class OptionsOfKeys(PluginOptions):
    """Options that may differ by key."""

    is_on: bool = Field(False, description="Whether.")


class Optional:
    options = OptionsOfKeys

    @hookimpl
    def hookline_authorize(self) -> None:
        """Have no opinion."""


class KnowsOtherKeys:
    @hookimpl
    def hookline_authenticate(self) -> None:
        """Know nobody."""


@pytest.mark.parametrize(("id", "is_refused"), [(public_id(KEY), False), (KEY, True), ("static_0", True)])
def test_options_of_a_key_that_nobody_holds_are_refused_and_not_repeated(id: str, is_refused: bool) -> None:
    def start(*plugins: object) -> Gateway:
        host = PluginHost()
        for number, plugin in enumerate((AuthPlugin(), Optional(), *plugins)):
            host.register(plugin, name=f"plugin{number}")
        tables = {"plugin1": {"keys": {id: {"is_on": True}}}}
        return Gateway(Settings.model_validate({"api_keys": [KEY], "plugins": tables}), host=host, environ={})

    start(KnowsOtherKeys())  # whose keys these may be
    if not is_refused:
        start()
        return
    with pytest.raises(ConfigurationError, match=r"plugins\.plugin1\.keys") as caught:
        start()
    assert KEY not in caught.value.message
    assert public_id(KEY) in caught.value.message
