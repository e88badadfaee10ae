"""Tokens of other issuers: made by joserfc, taken only as they are set, and never a way around anything."""

from __future__ import annotations

import base64
import hmac
import json
import warnings
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from joserfc import jwk, jwt
from joserfc.jws import JWSRegistry

from fake_clock import START, FakeClock
from hookline.errors import ConfigurationError, HooklineError
from hookline.limit import parse_limit
from hookline.principal import Caps, KeyLimits
from hookline_auth import fetching
from hookline_auth.fetching import FetchError, fetch
from hookline_auth.issuer_keys import IssuerKeys

if TYPE_CHECKING:
    from tests.hooks.hookline_auth.conftest import Lab, MakeLab

    from hookline.principal import Principal

ISSUER = "https://login.acme.example/realm"
JWKS_URL = "https://login.acme.example/keys"
NOW_S = int(START.timestamp())
RSA = jwk.RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
OTHER_RSA = jwk.RSAKey.generate_key(2048, {"kid": "rsa-1"})
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    SMALL_RSA = jwk.RSAKey.generate_key(1024, {"kid": "small"})
EC = jwk.ECKey.generate_key("P-256", {"kid": "ec-1", "alg": "ES256"})
OKP = jwk.OKPKey.generate_key("Ed25519", {"kid": "ed-1"})
OPTIONS: dict[str, Any] = {
    "issuer": ISSUER,
    "audience": "hookline",
    "algorithms": ["RS256", "PS256", "ES256", "Ed25519", "EdDSA"],
    "jwks_url": JWKS_URL,
    "tenant_claim": "org",
    "grants": [
        {"claim": "llm.admin", "scopes": ["actions:run", "usage:admin"]},
        {
            "claim": "llm.chat",
            "actions": ["openai.chat"],
            "models": ["gpt-4o*"],
            "connections": ["spare"],
            "max_choices": 2,
            "limits": ["60 requests / minute"],
        },
    ],
}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "hookline",
    "sub": "user-1",
    "org": "acme",
    "scope": "openid llm.chat",
    "exp": NOW_S + 600,
    "iat": NOW_S,
}
MakeToken = Callable[..., str]


def public(*keys: Any) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


class Net:
    """What is at which address; counts what is fetched."""

    def __init__(self, **pages: bytes) -> None:
        self.pages: dict[str, bytes] = {JWKS_URL: public(RSA, EC, OKP)}
        self.fetched: list[str] = []
        self.is_down = False

    def __call__(self, url: str) -> bytes:
        self.fetched.append(url)
        if self.is_down or url not in self.pages:
            raise FetchError("it is not there")
        return self.pages[url]


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Net:
    found = Net()
    monkeypatch.setattr(fetching, "fetch", found)
    return found


@pytest.fixture
def issuer_lab(make_lab: MakeLab, net: Net) -> Lab:
    return make_lab(issuers=[OPTIONS], api_keys=("a-static-key-for-tests",))


def token(
    key: Any = RSA, *, algorithm: str = "RS256", header: dict[str, Any] | None = None, **claims: Any
) -> str:
    values = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    full = {"alg": algorithm, "kid": key.kid, **(header or {})}
    full = {name: value for name, value in full.items() if value is not None}
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jwt.encode(full, values, key, registry=registry)


def by_hand(header: object, claims: object, signature: bytes = b"") -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    return ".".join([part(json.dumps(header).encode()), part(json.dumps(claims).encode()), part(signature)])


def test_a_token_stands_for_what_its_grant_says(issuer_lab: Lab) -> None:
    principal = issuer_lab.ask(token())

    assert principal.key_id.startswith("jwt_")
    assert (principal.tenant, principal.label) == ("acme", "user-1")
    assert principal.scopes == {"actions:run", "catalog:read", "usage:read"}
    assert (principal.actions, principal.models) == (("openai.chat",), ("gpt-4o*",))
    assert (principal.connections, principal.caps) == (("spare",), Caps(max_choices=2))
    assert principal.limits == (
        KeyLimits(key_id=principal.key_id, limits=(parse_limit("60 requests / minute"),)),
    )


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256"), (OKP, "Ed25519"), (OKP, "EdDSA")]
)
def test_tokens_of_every_kind_of_key_are_taken(issuer_lab: Lab, key: Any, algorithm: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the maker calls the old name of the last one deprecated
        text = token(key, algorithm=algorithm)

    assert issuer_lab.ask(text).tenant == "acme"


def test_the_id_is_of_issuer_and_subject(issuer_lab: Lab) -> None:
    one, again, other = (issuer_lab.ask(token(sub=sub, jti=sub)) for sub in ("a", "a", "b"))

    assert one.key_id == again.key_id != other.key_id


def test_one_grant_counts_and_rights_of_several_are_never_mixed(issuer_lab: Lab) -> None:
    """S9: the models of one grant do not meet the actions of another."""
    principal = issuer_lab.ask(token(scope="llm.chat llm.admin"))

    assert principal.scopes == {"actions:run", "usage:admin"}
    assert issuer_lab.ask(token(scope=["llm.chat"])).models == ("gpt-4o*",)


GOOD_VARIANTS: list[dict[str, Any]] = [
    {"aud": ["other", "hookline"]},
    {"exp": NOW_S - 29},
    {"nbf": NOW_S + 29},
    {"exp": NOW_S + 600.5},
    {"iat": None},
    {"header": {"kid": "rsa-1", "typ": "at+jwt"}},
    {"header": {"typ": None}},
    {"header": {"x5t": "abc", "custom": "x"}},
]


@pytest.mark.parametrize("changes", GOOD_VARIANTS, ids=str)
def test_what_issuers_may_add_is_taken(issuer_lab: Lab, changes: dict[str, Any]) -> None:
    assert issuer_lab.ask(token(**changes)).tenant == "acme"


BAD_CLAIMS: list[dict[str, Any]] = [
    {"aud": "other"},
    {"aud": None},
    {"aud": ["other"]},
    {"aud": {"hookline": True}},
    {"aud": "hookline2"},
    {"exp": NOW_S - 31},
    {"exp": None},
    {"exp": "never"},
    {"exp": True},
    {"exp": 10**300},
    {"nbf": NOW_S + 31},
    {"nbf": "now"},
    {"iat": NOW_S + 31},
    {"sub": None},
    {"sub": ""},
    {"sub": 5},
    {"sub": "x" * 1001},
    {"org": None},
    {"org": ""},
    {"org": ["acme"]},
    {"org": "a\nb"},
    {"org": "../x"},
    {"scope": None},
    {"scope": "openid"},
    {"scope": "llm.chat2"},
    {"scope": {"llm.chat": 1}},
    {"scope": [["llm.chat"]]},
]


@pytest.mark.parametrize("claims", BAD_CLAIMS, ids=range(len(BAD_CLAIMS)))
def test_s12_a_token_that_says_too_little_or_something_else_is_refused(
    issuer_lab: Lab, claims: dict[str, Any]
) -> None:
    """S12: no tenant, no grant or no end is never a default."""
    error = issuer_lab.refusal(token(**claims))

    assert (error.status, error.message) == (401, "This request carries no valid API key.")
    assert issuer_lab.refusals()[0]["reason"] in ("token", "expired")


def _signed_with_public_key() -> str:
    """Return a token that is right for whoever takes the algorithm's word for what kind of key it needs."""
    text = by_hand({"alg": "HS256", "kid": "rsa-1"}, CLAIMS).rstrip(".")
    mac = hmac.digest(RSA.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _forged() -> dict[str, str]:
    good = token()
    head, body, signature = good.split(".")
    own = OTHER_RSA.as_dict(private=False)
    return {
        "no algorithm": by_hand({"alg": "none", "kid": "rsa-1"}, CLAIMS),
        "no algorithm, in capitals": by_hand({"alg": "NONE", "kid": "rsa-1"}, CLAIMS),
        "no algorithm named": by_hand({"kid": "rsa-1"}, CLAIMS, b"x"),
        "a list of algorithms": by_hand({"alg": ["RS256"], "kid": "rsa-1"}, CLAIMS, b"x"),
        "the public key as a shared secret": _signed_with_public_key(),
        "an algorithm that is not set": token(algorithm="RS512"),
        "another kind of key under that name": token(RSA, algorithm="RS256", header={"kid": "ec-1"}),
        "another key of that name": token(OTHER_RSA),
        "an embedded key": token(OTHER_RSA, header={"jwk": own}),
        "an embedded key without a name": token(OTHER_RSA, header={"jwk": own, "kid": None}),
        "an address of keys": token(OTHER_RSA, header={"jku": "https://evil.example/keys"}),
        "a path as name": token(OTHER_RSA, header={"kid": "../../../dev/null"}),
        "a statement as name": token(OTHER_RSA, header={"kid": "x' UNION SELECT 'k"}),
        "a number as name": by_hand({"alg": "RS256", "kid": 1}, CLAIMS, b"x"),
        "an unknown name": token(header={"kid": "rsa-9"}),
        "something critical": by_hand({"alg": "RS256", "kid": "rsa-1", "crit": ["x"], "x": 1}, CLAIMS, b"x"),
        "another type": token(header={"typ": "logout+jwt"}),
        "no signature": f"{head}.{body}.",
        "a shortened signature": f"{head}.{body}.{signature[:-8]}",
        "other claims": ".".join([head, by_hand({}, {**CLAIMS, "org": "evil"}).split(".")[1], signature]),
        "another header": ".".join([by_hand({"alg": "RS256"}, {}).split(".")[0], body, signature]),
        "a claim that changes the issuer late": by_hand(
            {"alg": "RS256", "kid": "rsa-1"}, {**CLAIMS, "iss": ISSUER}, b"x" * 256
        ),
    }


@pytest.mark.parametrize("case", _forged())
def test_a_forged_token_is_refused_and_asks_nobody_else(issuer_lab: Lab, net: Net, case: str) -> None:
    """Algorithm confusion, keys that a token brings along, names that lead elsewhere."""
    text = _forged()[case]

    error = issuer_lab.refusal(text, x_api_key="a-static-key-for-tests")

    assert error.status == 401
    assert [one["reason"] for one in issuer_lab.refusals()] == ["token"]
    assert set(net.fetched) <= {JWKS_URL}


@pytest.mark.parametrize(
    "text",
    [
        "a.b.c",
        "..",
        "a.b.c.d",
        by_hand({"alg": "RS256"}, {**CLAIMS, "iss": "https://elsewhere.example"}, b"x"),
        by_hand({"alg": "RS256"}, {**CLAIMS, "iss": ISSUER + "/"}, b"x"),
        by_hand({"alg": "RS256"}, {**CLAIMS, "iss": [ISSUER]}, b"x"),
        by_hand({"alg": "RS256"}, [ISSUER], b"x"),
        by_hand({"alg": "RS256"}, "[" * 5000, b"x"),
        "x." + base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("=") + ".x",
        by_hand({"alg": "RS256"}, {**CLAIMS, "pad": "x" * 8000}, b"x"),
        "e30.e30.",
    ],
    ids=range(11),
)
def test_what_is_no_token_of_a_set_issuer_is_no_key_either(issuer_lab: Lab, net: Net, text: str) -> None:
    assert issuer_lab.refusal(text).status == 401
    assert net.fetched == []


def test_an_endless_token_is_not_even_read(issuer_lab: Lab, net: Net) -> None:
    assert issuer_lab.refusal(token(pad="x" * 20_000)).status == 401
    assert net.fetched == []
    assert issuer_lab.refusals()[0]["reason"] == "malformed"


def test_a_token_is_remembered_no_longer_than_it_lasts(issuer_lab: Lab) -> None:
    text = token(exp=NOW_S - 27)  # with the leeway three seconds are left
    issuer_lab.ask(text)
    issuer_lab.clock.advance(2.9)
    issuer_lab.ask(text)
    issuer_lab.clock.advance(0.2)

    assert issuer_lab.refusal(text).status == 401


# ---------------------------------------------------------------- the issuer's keys


def keys_of(net: Net, clock: FakeClock, url: str | None = JWKS_URL) -> tuple[IssuerKeys, list[Any]]:
    started: list[Any] = []
    keys = IssuerKeys(ISSUER, url, net, clock, max_age_s=3600, start=started.append)
    return keys, started


def test_keys_are_fetched_once_and_renewed_beside_the_calls() -> None:
    net, clock = Net(), FakeClock()
    keys, started = keys_of(net, clock)

    assert net.fetched == []
    assert keys.find(kid="rsa-1", algorithm="RS256") is not None
    clock.advance(3599)
    keys.find(kid="ec-1", algorithm="ES256")
    assert (len(net.fetched), started) == (1, [])
    clock.advance(2)
    net.pages[JWKS_URL] = public(EC)
    assert keys.find(kid="rsa-1", algorithm="RS256") is not None
    assert len(started) == 1
    started[0]()
    assert keys.find(kid="rsa-1", algorithm="RS256") is None
    assert len(net.fetched) == 2


def test_an_unknown_name_makes_the_keys_be_fetched_at_most_once_a_minute() -> None:
    net, clock = Net(), FakeClock()
    keys, _ = keys_of(net, clock)
    keys.find(kid="rsa-1", algorithm="RS256")
    clock.advance(61)

    for _ in range(100):
        assert keys.find(kid="new", algorithm="RS256") is None
    assert len(net.fetched) == 2
    new = jwk.RSAKey.generate_key(2048, {"kid": "new"})
    net.pages[JWKS_URL] = public(RSA, new)
    clock.advance(61)
    assert keys.find(kid="new", algorithm="RS256") is not None
    assert len(net.fetched) == 3


def test_the_old_keys_are_used_while_the_issuer_is_down_but_not_for_ever() -> None:
    net, clock = Net(), FakeClock()
    keys, started = keys_of(net, clock)
    keys.find(kid="rsa-1", algorithm="RS256")
    net.is_down = True
    clock.advance(7200)

    assert keys.find(kid="rsa-1", algorithm="RS256") is not None
    started[0]()
    assert keys.find(kid="rsa-1", algorithm="RS256") is not None
    clock.advance(86_400)
    with pytest.raises(HooklineError) as caught:
        keys.find(kid="rsa-1", algorithm="RS256")
    assert caught.value.status == 503


def test_an_issuer_that_was_never_there_is_503_and_asked_rarely(issuer_lab: Lab, net: Net) -> None:
    net.is_down = True

    assert [issuer_lab.refusal(token()).status for _ in range(20)] == [503] * 20
    assert len(net.fetched) == 1
    issuer_lab.clock.advance(11)
    net.is_down = False
    assert issuer_lab.ask(token()).tenant == "acme"


def _private_key_left_in() -> bytes:
    return json.dumps({"keys": [RSA.as_dict(private=True)]}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": [1, null, {}, {"kty": "RSA"}, {"kty": "EC", "crv": "P-256"}]}',
        json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "rsa-1"}]}).encode(),
        public(SMALL_RSA),
        _private_key_left_in(),
        json.dumps({"keys": [{**RSA.as_dict(private=False), "use": "enc"}]}).encode(),
        json.dumps({"keys": [{**RSA.as_dict(private=False), "alg": "PS256"}]}).encode(),
        json.dumps({"keys": [RSA.as_dict(private=False)] * 2}).encode(),
    ],
    ids=range(11),
)
def test_keys_that_signatures_cannot_be_checked_with_are_left_out(
    issuer_lab: Lab, net: Net, content: bytes
) -> None:
    net.pages[JWKS_URL] = content
    small = token(SMALL_RSA)

    assert issuer_lab.refusal(token()).status in (401, 503)
    assert issuer_lab.refusal(small).status in (401, 503)


def test_a_token_without_a_name_of_a_key_is_checked_with_the_only_one_that_suits(net: Net) -> None:
    keys, _ = keys_of(net, FakeClock())

    found = keys.find(kid=None, algorithm="RS256")
    assert found is not None
    assert found.kid == "rsa-1"
    second = jwk.RSAKey.generate_key(2048, {"kid": "rsa-2"})
    net.pages[JWKS_URL] = public(RSA, second)
    keys, _ = keys_of(net, FakeClock())
    assert keys.find(kid=None, algorithm="RS256") is None


@pytest.mark.parametrize(
    ("configuration", "is_taken"),
    [
        ({"issuer": ISSUER, "jwks_uri": JWKS_URL}, True),
        ({"issuer": ISSUER, "jwks_uri": "https://evil.example/keys"}, False),
        ({"issuer": ISSUER, "jwks_uri": "https://login.acme.example:444/keys"}, False),
        ({"issuer": ISSUER, "jwks_uri": "http://login.acme.example/keys"}, False),
        ({"issuer": ISSUER, "jwks_uri": "https://x@login.acme.example/keys"}, False),
        ({"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}, False),
        ({"issuer": ISSUER}, False),
        ({"issuer": "https://evil.example", "jwks_uri": JWKS_URL}, False),
    ],
)
def test_the_configuration_of_an_issuer_leads_to_its_own_origin_only(
    configuration: dict[str, str], is_taken: bool
) -> None:
    net = Net()
    net.pages[ISSUER + "/.well-known/openid-configuration"] = json.dumps(configuration).encode()
    keys, _ = keys_of(net, FakeClock(), url=None)

    if is_taken:
        assert keys.find(kid="rsa-1", algorithm="RS256") is not None
    else:
        with pytest.raises(HooklineError):
            keys.find(kid="rsa-1", algorithm="RS256")
        assert net.fetched == [ISSUER + "/.well-known/openid-configuration"]


# ---------------------------------------------------------------- fetching


class _Pages(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("location", "/keys")
            self.end_headers()
            return
        content = b"x" * (fetching.MAX_BYTES + 1) if self.path == "/large" else b'{"keys": []}'
        self.send_response(200 if self.path != "/broken" else 500)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_fetching_follows_no_redirect_and_is_bounded() -> None:
    server = HTTPServer(("127.0.0.1", 0), _Pages)
    thread = Thread(target=server.serve_forever)
    thread.start()
    base = f"http://127.0.0.1:{server.server_port}"
    try:
        assert fetch(f"{base}/keys") == b'{"keys": []}'
        for path in ("/moved", "/large", "/broken"):
            with pytest.raises(FetchError):
                fetch(base + path)
        assert _Pages.asked == ["/keys", "/moved", "/large", "/broken"]
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
    with pytest.raises(FetchError, match="ConnectionRefusedError"):
        fetch(f"{base}/keys")


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithms": []},
        {"algorithms": ["none"]},
        {"algorithms": ["RS256", "HS256"]},
        {"audience": []},
        {"audience": ""},
        {"issuer": "http://login.acme.example"},
        {"issuer": "ftp://login.acme.example"},
        {"jwks_url": "http://login.acme.example/keys"},
        {"jwks_url": "https://user:word@login.acme.example/keys"},
        {"jwks_url": "http://127.0.0.1.evil.example/keys"},
        {"jwks_url": "http://[::ffff:10.0.0.1]/keys"},
        {"tenant_claim": None},
        {"tenant": "acme"},
        {"grants": []},
        {"grants": [{"claim": "x", "scope": ["actions:run"]}]},
        {"grants": [{"claim": "x", "limits": ["a lot"]}]},
        {"grants": [{"claim": "x", "models": ["*mini"]}]},
        {"leeway_s": 301},
    ],
    ids=str,
)
def test_an_issuer_that_would_let_too_many_in_refuses_to_start(
    make_lab: MakeLab, net: Net, changes: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match=r"plugins\.plugin1"):
        make_lab(issuers=[{**OPTIONS, **changes}])


def test_an_issuer_is_listed_once_and_may_have_one_tenant(make_lab: MakeLab, net: Net) -> None:
    with pytest.raises(ConfigurationError, match="listed twice"):
        make_lab(issuers=[OPTIONS, OPTIONS])
    lab = make_lab(issuers=[{**OPTIONS, "tenant_claim": None, "tenant": "all-of-us"}])
    assert lab.ask(token(org="evil")).tenant == "all-of-us"


def test_all_kinds_of_credentials_work_side_by_side(issuer_lab: Lab) -> None:
    made = issuer_lab.make(tenant="b")
    callers: list[Principal] = [
        issuer_lab.ask(token()),
        issuer_lab.ask(made),
        issuer_lab.ask("a-static-key-for-tests"),
    ]

    assert [caller.tenant for caller in callers] == ["acme", "b", "default"]
