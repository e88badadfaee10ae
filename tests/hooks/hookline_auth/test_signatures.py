"""S26: signed requests, judged by the library of the standard, and everything that is not quite one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from fake_clock import START
from hookline import hookimpl
from hookline.errors import HooklineError, PermissionDeniedError, RateLimitedError, StoreUnavailableError
from hookline.order import Order
from hookline.principal import InboundRequest
from hookline_auth.desk import operator
from hookline_auth.key_records import UnreadableKeyError
from hookline_auth.pepper import Pepper
from hookline_auth.signatures import SigningRule, SigningSecret, sign
from hookline_auth.signing_secrets import SigningSafe, new_signing_secret, read_signing_secret

if TYPE_CHECKING:
    from tests.hooks.hookline_auth.conftest import Lab, MakeLab

    from hookline.principal import Principal
    from hookline_auth.desk import Made

BODY = b'{"prompt": "Say hello", "n": 1}'
NOW_S = int(START.timestamp())
GITHUB_SECRET = "-".join(["what", "GitHub", "was", "told", "to", "sign", "with"])


def signed(
    secret: str, *, body: bytes = BODY, message_id: str = "msg_1", at_s: int = NOW_S
) -> dict[str, Any]:
    """Return the headers that the library of the standard makes."""
    at = datetime.fromtimestamp(at_s, UTC)
    return {
        "webhook_id": message_id,
        "webhook_timestamp": str(at_s),
        "webhook_signature": Webhook(secret).sign(message_id, at, body.decode()),
    }


def github(secret: str, body: bytes = BODY) -> dict[str, Any]:
    return {"x_hub_signature_256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def ask(lab: Lab, made: Made | None, *, body: bytes = BODY, key_id: str = "", **headers: Any) -> Principal:
    if key_id:
        headers["x_hookline_key_id"] = key_id
    return lab.ask("" if made is None else made, body=body, **headers)


def refused(lab: Lab, made: Made | None, **more: Any) -> str:
    """Return why it was refused, after checking that the caller is told nothing of it."""
    with pytest.raises(HooklineError) as caught:
        ask(lab, made, **more)
    assert caught.value.message == "This request carries no valid API key."
    assert caught.value.status == 401
    return str(caught.value.status)


# ---------------------------------------------------------------- the signature itself


@given(
    st.text(max_size=200),
    st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True),
    st.integers(min_value=0, max_value=2**33),
    st.binary(min_size=24, max_size=64),
)
def test_signatures_equal_those_of_the_standard_s_library(
    body: str, message_id: str, at_s: int, secret: bytes
) -> None:
    theirs = Webhook(secret).sign(message_id, datetime.fromtimestamp(at_s, UTC), body)

    assert sign(body.encode(), message_id=message_id, at_s=at_s, secret=secret) == theirs


def test_a_secret_that_we_make_is_one_for_the_standard_s_library() -> None:
    text = new_signing_secret()

    assert text.startswith("whsec_")
    assert len(read_signing_secret(text, scheme="standard")) == 32
    assert Webhook(text)._whsecret == read_signing_secret(text, scheme="standard")


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("", "standard"),
        ("whsec_", "standard"),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), "standard"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "standard"),
        ("whsec_not base64!", "standard"),
        ("wh" * 40 + "x", "standard"),
        ("", "github"),
        ("x" * 23, "github"),
        ("x" * 257, "github"),
        ("x" * 30 + "\n", "github"),
    ],
)
def test_s26_an_empty_or_short_secret_is_refused_and_not_repeated(lab: Lab, text: str, scheme: Any) -> None:
    """S26: no key is made with it."""
    with pytest.raises(ValueError, match=r"A secret (is|has)") as caught:
        read_signing_secret(text, scheme=scheme)
    assert not text or text not in str(caught.value)
    with pytest.raises(HooklineError) as refusal:
        lab.make(signing={"mode": "required", "scheme": scheme, "secret": text})
    assert (refusal.value.status, refusal.value.field) == (422, "signing.secret")
    assert lab.callers.store.search() == []


# ---------------------------------------------------------------- how secrets are stored


def test_stored_secrets_open_for_their_key_and_pepper_only() -> None:
    pepper = Pepper(b"p" * 40)
    rule = SigningRule(mode="required", secrets=(SigningSecret(value=b"s" * 32, until_us=5),))
    stored = SigningSafe(pepper).lock(rule, key_id="a" * 16)

    assert SigningSafe(pepper).unlock(stored, key_id="a" * 16) == rule
    assert b"s" * 32 not in base64.b64decode(json.loads(stored)["secrets"][0]["sealed"])
    assert "ssss" not in repr(rule)
    for safe, key_id in ((SigningSafe(pepper), "b" * 16), (SigningSafe(Pepper(b"q" * 40)), "a" * 16)):
        with pytest.raises(UnreadableKeyError):
            safe.unlock(stored, key_id=key_id)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "null",
        "{}",
        '{"mode": "off", "scheme": "standard", "secrets": []}',
        '{"mode": "required", "scheme": "standard", "secrets": []}',
        '{"mode": "required", "scheme": "none", "secrets": []}',
        '{"mode": "required", "scheme": "standard", "secrets": [{}]}',
        '{"mode": "required", "scheme": "standard", "secrets": [{"sealed": "", "until_us": null}]}',
        '{"mode": "required", "scheme": "standard", "secrets": [{"sealed": "AAAA", "until_us": null}]}',
    ],
)
def test_a_damaged_rule_is_no_rule_at_all(stored: str) -> None:
    with pytest.raises(UnreadableKeyError):
        SigningSafe(Pepper(b"p" * 40)).unlock(stored, key_id="a" * 16)


def test_s26_a_stored_secret_that_is_too_short_opens_nothing() -> None:
    """S26: wherever it came from."""
    pepper = Pepper(b"p" * 40)
    rule = SigningRule(mode="required", secrets=(SigningSecret(value=b""),))

    with pytest.raises(UnreadableKeyError):
        SigningSafe(pepper).unlock(SigningSafe(pepper).lock(rule, key_id="a" * 16), key_id="a" * 16)


# ---------------------------------------------------------------- requests


def test_a_signature_alone_is_a_credential_where_a_key_has_one(lab: Lab) -> None:
    for mode in ("optional", "required"):
        made = lab.make(signing={"mode": mode})
        assert made.signing_secret is not None
        headers = signed(made.signing_secret, message_id=mode)
        assert ask(lab, None, key_id=made.record.id, **headers).key_id == made.record.id


def test_a_key_and_a_signature_go_together(lab: Lab) -> None:
    required, optional, off = (lab.make(signing={"mode": mode}) for mode in ("required", "optional", "off"))
    assert required.signing_secret is not None
    assert optional.signing_secret is not None
    assert off.signing_secret is None

    assert ask(lab, required, **signed(required.signing_secret)).key_id == required.record.id
    assert ask(lab, optional, **signed(optional.signing_secret)).key_id == optional.record.id
    assert ask(lab, optional).key_id == optional.record.id
    assert ask(lab, off).key_id == off.record.id
    refused(lab, required)
    refused(lab, optional, **signed(required.signing_secret, message_id="msg_2"))
    refused(lab, None, key_id=off.record.id, **signed(required.signing_secret, message_id="msg_3"))


def _hostile(secret: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return requests that are not quite signed, each with the reason that the audit log gives."""
    good = signed(secret)
    other = new_signing_secret()
    v1 = good["webhook_signature"]
    bad = "bad_signature"
    compact = json.dumps(json.loads(BODY), separators=(",", ":")).encode()
    return {
        "unsigned": ("not_signed", {}),
        "only an id": ("not_signed", {"webhook_id": "msg_1"}),
        "wrong secret": (bad, signed(other)),
        "stale": ("stale", signed(secret, at_s=NOW_S - 301)),
        "from the future": ("stale", signed(secret, at_s=NOW_S + 301)),
        "another time than signed": (bad, {**good, "webhook_timestamp": str(NOW_S + 1)}),
        "another id than signed": (bad, {**good, "webhook_id": "msg_2"}),
        "a dot in the id": (bad, signed(secret, message_id="msg.1")),
        "a part of the body as time": (
            bad,
            {**signed(secret, body=f"{NOW_S}.x".encode(), message_id="a"), "webhook_id": f"a.{NOW_S}"},
        ),
        "another body": (bad, {**good, "body": BODY + b" "}),
        "the body written anew": (bad, {**good, "body": compact}),
        "no body": (bad, {**good, "body": b""}),
        "no id": (bad, {**good, "webhook_id": ""}),
        "an endless id": (bad, signed(secret, message_id="x" * 257)),
        "a garbled id": (bad, {**good, "webhook_id": "msg\x001"}),
        "a time that is none": (bad, {**good, "webhook_timestamp": "now"}),
        "a negative time": (bad, {**good, "webhook_timestamp": f"-{NOW_S}"}),
        "a time with a fraction": (bad, {**good, "webhook_timestamp": f"{NOW_S}.0"}),
        "an endless time": (bad, {**good, "webhook_timestamp": "9" * 5000}),
        "a time in other digits": (bad, {**good, "webhook_timestamp": "١٧٩٥٣٤٥٢٠٠"}),
        "an empty signature": (bad, {**good, "webhook_signature": ""}),
        "no version": (bad, {**good, "webhook_signature": v1.removeprefix("v1,")}),
        "another version": (bad, {**good, "webhook_signature": v1.replace("v1,", "v1a,")}),
        "no base64": (bad, {**good, "webhook_signature": "v1,????"}),
        "a shortened signature": (bad, {**good, "webhook_signature": v1[:20]}),
        "a signature of no bytes": (bad, {**good, "webhook_signature": "v1,"}),
        "two in one": (bad, {**good, "webhook_signature": f"{v1},{v1}"}),
        "too many": (bad, {**good, "webhook_signature": "v1,x " * 500 + v1}),
        "garbage": (bad, {**good, "webhook_signature": "\udcff\x00 ,,, v1"}),
        "GitHub's instead": ("not_signed", github(secret)),
        "GitHub's beside": ("ambiguous", {**good, **github(secret)}),
    }


@pytest.mark.parametrize("case", _hostile(new_signing_secret()))
@pytest.mark.parametrize("by_key", [True, False], ids=["with the key", "by signature alone"])
def test_s26_what_is_not_quite_signed_is_refused(lab: Lab, case: str, by_key: bool) -> None:
    """S26: one answer for all of them; the audit log knows the reason."""
    made = lab.make(signing={"mode": "required"})
    assert made.signing_secret is not None
    reason, more = _hostile(made.signing_secret)[case]

    refused(lab, made if by_key else None, key_id=made.record.id, **more)

    assert [(one["reason"], one["key_id"]) for one in lab.refusals()] == [(reason, made.record.id)]


@pytest.mark.parametrize("scheme", ["standard", "github"])
def test_s7_a_signature_for_nobody_is_refused_as_one_that_is_wrong(lab: Lab, scheme: str) -> None:
    """S7: an id that does not exist, one without signatures and a wrong signature take the same way."""
    made, off = lab.make(signing={"mode": "required", "scheme": scheme}), lab.make()
    headers = signed(new_signing_secret())
    seen = []
    for key_id in (made.record.id, off.record.id, "a" * 16):
        with lab.counting() as statements:
            refused(lab, None, key_id=key_id, **headers)
        seen.append([one for one in statements if "FROM keys" in one])

    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == 1


def test_s26_a_request_is_taken_once(lab: Lab) -> None:
    """S26: the same id is refused while its time would be taken, also with another time and signature."""
    made = lab.make(signing={"mode": "required"})
    assert made.signing_secret is not None
    ask(lab, made, **signed(made.signing_secret))

    refused(lab, made, **signed(made.signing_secret))
    refused(lab, None, key_id=made.record.id, **signed(made.signing_secret))
    lab.clock.advance(290)
    refused(lab, made, **signed(made.signing_secret, at_s=NOW_S + 290))
    assert [one["reason"] for one in lab.refusals()] == ["replayed"] * 3


def test_s26_a_replay_is_refused_in_every_process_and_after_a_restart(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    """S26: ids are kept in the database."""
    here = make_lab(state_dir=tmp_path)
    there = make_lab(state_dir=tmp_path, clock=here.clock)
    made = here.make(signing={"mode": "required"})
    assert made.signing_secret is not None
    ask(here, made, **signed(made.signing_secret))

    refused(there, made, **signed(made.signing_secret))


def test_the_same_id_may_come_from_another_key_and_a_failed_signature_uses_none_up(lab: Lab) -> None:
    """S25: nobody can use up or answer with the ids of somebody else."""
    one, two = lab.make(signing={"mode": "required"}), lab.make(signing={"mode": "required"})
    assert one.signing_secret is not None
    assert two.signing_secret is not None
    refused(lab, one, **signed(two.signing_secret))

    ask(lab, one, **signed(one.signing_secret))
    ask(lab, two, **signed(two.signing_secret))


def test_ids_are_forgotten_when_their_time_is_over(lab: Lab) -> None:
    from sqlalchemy import func, select

    from hookline.store.tables import REPLAY_IDS

    made = lab.make(signing={"mode": "required"})
    assert made.signing_secret is not None
    for number in range(20):
        lab.clock.advance(100)
        at_s = int(lab.clock.now().timestamp())
        ask(lab, made, **signed(made.signing_secret, message_id=f"msg_{number}", at_s=at_s))
    with lab.gateway.database.connect() as connection:
        kept = connection.execute(select(func.count()).select_from(REPLAY_IDS)).scalar_one()

    assert kept <= 8


def test_s26_several_secrets_work_while_one_takes_the_place_of_another(lab: Lab) -> None:
    """S26: old and new for the grace time, with one signature or with two; then the new one alone."""
    made = lab.make(signing={"mode": "required"})
    old = made.signing_secret
    new = lab.change(made, signing={"mode": "required", "is_new": True}).signing_secret
    assert old is not None
    assert new is not None
    assert old != new

    ask(lab, made, **signed(old, message_id="1"))
    ask(lab, made, **signed(new, message_id="2"))
    both = signed(new, message_id="3")
    both["webhook_signature"] = f"v1a,xxxx {signed(old, message_id='3')['webhook_signature']} v1,AAAA"
    ask(lab, made, **both)
    lab.clock.advance(3601)
    at_s = NOW_S + 3601
    refused(lab, made, **signed(old, message_id="4", at_s=at_s))
    ask(lab, made, **signed(new, message_id="5", at_s=at_s))


def test_a_remembered_signer_knows_a_new_secret_at_once(lab: Lab) -> None:
    made = lab.make(signing={"mode": "required"})
    assert made.signing_secret is not None
    ask(lab, None, key_id=made.record.id, **signed(made.signing_secret, message_id="1"))
    new = lab.change(made, signing={"mode": "required", "is_new": True}).signing_secret
    assert new is not None

    ask(lab, None, key_id=made.record.id, **signed(new, message_id="2"))


def test_the_mode_is_changed_without_another_secret_and_off_forgets_it(lab: Lab) -> None:
    made = lab.make(signing={"mode": "required"})
    assert made.signing_secret is not None

    assert lab.change(made, signing={"mode": "optional"}).signing_secret is None
    ask(lab, made)
    ask(lab, made, **signed(made.signing_secret))
    lab.change(made, signing={"mode": "off"})
    ask(lab, made)
    refused(lab, None, key_id=made.record.id, **signed(made.signing_secret, message_id="2"))
    assert lab.change(made, signing={"mode": "required"}).signing_secret not in (None, made.signing_secret)


def test_a_secret_that_the_sender_has_already_is_taken_and_not_shown(lab: Lab) -> None:
    theirs = new_signing_secret()
    made = lab.make(signing={"mode": "required", "secret": theirs})

    assert made.signing_secret is None
    assert theirs not in repr(made)
    ask(lab, made, **signed(theirs))


def test_github_s_signature_is_taken_only_by_a_key_that_says_so(lab: Lab) -> None:
    made = lab.make(signing={"mode": "required", "scheme": "github", "secret": GITHUB_SECRET})
    key_id = made.record.id

    for _ in range(2):  # it has no id and no time, so the same request is taken again
        assert ask(lab, None, key_id=key_id, **github(GITHUB_SECRET)).key_id == key_id
    upper = {
        "x_hub_signature_256": github(GITHUB_SECRET)["x_hub_signature_256"].upper().replace("SHA", "sha")
    }
    ask(lab, None, key_id=key_id, **upper)
    for headers in (
        github(GITHUB_SECRET, BODY + b" "),
        github("x" * 40),
        {"x_hub_signature_256": ""},
        {"x_hub_signature_256": "sha256="},
        {"x_hub_signature_256": github(GITHUB_SECRET)["x_hub_signature_256"].removeprefix("sha256=")},
        {"x_hub_signature_256": github(GITHUB_SECRET)["x_hub_signature_256"] + "0"},
        {"x_hub_signature": "sha1=" + hmac.new(GITHUB_SECRET.encode(), BODY, hashlib.sha1).hexdigest()},
        {**github(GITHUB_SECRET), "webhook_signature": "v1,AAAA"},
        signed(base64.b64encode(GITHUB_SECRET.encode()).decode()),
    ):
        refused(lab, None, key_id=key_id, **headers)


def test_a_sender_that_can_add_no_header_names_its_key_in_the_address(lab: Lab) -> None:
    made = lab.make(signing={"mode": "required", "scheme": "github", "secret": GITHUB_SECRET})
    static = {"authorization": "Bearer no-key"}

    def ask_at(query: dict[str, str], **headers: str) -> str:
        named = {
            name.replace("_", "-"): value for name, value in {**github(GITHUB_SECRET), **headers}.items()
        }
        request = InboundRequest(
            method="POST", path="/x", headers=named, query=query, client="192.0.2.7", read_body=lambda: BODY
        )
        return lab.gateway.pipeline.authenticate(request).key_id

    own = {"hookline_key_id": made.record.id}
    assert ask_at(own) == made.record.id
    assert ask_at(own, x_hookline_key_id=made.record.id) == made.record.id
    for query, headers in (
        ({"hookline_key_id": "a" * 16}, {}),
        ({}, {}),
        (own, {"x_hookline_key_id": "a" * 16}),
        (own, static),
    ):
        with pytest.raises(HooklineError, match="no valid API key"):
            ask_at(query, **headers)


def test_s9_a_child_needs_signatures_if_its_maker_does(lab: Lab) -> None:
    """S9: also in this respect."""
    maker = lab.make(signing={"mode": "required"})
    for signing in (None, {"mode": "off"}, {"mode": "optional"}):
        with pytest.raises(PermissionDeniedError) as caught:
            lab.make(maker, signing=signing)
        assert caught.value.field == "signing.mode"
    child = lab.make(maker, signing={"mode": "required"})
    with pytest.raises(PermissionDeniedError):
        lab.change(child, signing={"mode": "optional"})
    assert lab.change(child, label="x").record.signing_mode == "required"


def test_signed_requests_are_held_to_the_rest_of_the_key(lab: Lab) -> None:
    made = lab.make(signing={"mode": "required"}, networks=["198.51.100.0/24"])
    ended = lab.make(signing={"mode": "required"})
    assert made.signing_secret is not None
    assert ended.signing_secret is not None
    ask(lab, None, key_id=ended.record.id, **signed(ended.signing_secret, message_id="1"))
    lab.callers.desk.revoke(ended.record.id, operator())

    refused(lab, None, key_id=made.record.id, **signed(made.signing_secret))
    refused(lab, None, key_id=ended.record.id, **signed(ended.signing_secret, message_id="2"))
    assert [one["reason"] for one in lab.refusals()] == ["network", "revoked"]


def test_a_request_that_was_turned_away_for_now_may_come_again_and_no_other(make_lab: MakeLab) -> None:
    """A sender repeats a delivery under its id; only what was not run at all is let in again."""

    class Full:
        error: HooklineError | None = None

        @hookimpl
        def hookline_admit(self) -> None:
            if self.error is not None:
                raise self.error

    full = Full()
    lab = make_lab(full)
    made = lab.make(signing={"mode": "required"})
    assert made.signing_secret is not None
    headers = signed(made.signing_secret)

    def deliver() -> None:
        principal = ask(lab, made, **headers)
        public = {name.replace("_", "-"): value for name, value in headers.items()}
        order = Order(action_id="acme.say", fields={"text": "hi"}, headers=public)
        lab.gateway.pipeline.perform(lab.gateway.pipeline.prepare(principal, order))

    for error in (RateLimitedError("Too many."), StoreUnavailableError("Down.")):
        full.error = error
        with pytest.raises(type(error)):
            deliver()
    full.error = None
    deliver()
    refused(lab, made, **headers)
    assert len(lab.upstream.sent) == 1

    headers = signed(made.signing_secret, message_id="msg_2")
    full.error = PermissionDeniedError("No.")
    with pytest.raises(PermissionDeniedError):
        deliver()
    refused(lab, made, **headers)
