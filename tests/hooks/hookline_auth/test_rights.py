"""S9: a key never holds more than the one that made it, in any respect."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.errors import HooklineError, PermissionDeniedError
from hookline.limit import parse_limit
from hookline.principal import ANYTHING, Caps, matches
from hookline_auth.desk import operator
from hookline_auth.key_records import MAX_DEPTH
from hookline_auth.rights import NO_CONNECTION, NOWHERE, Rights, excess, is_inside, narrow
from hookline_auth.wanted import NewKey, read

if TYPE_CHECKING:
    from tests.hooks.hookline_auth.conftest import Lab

SCOPES = ["actions:run", "catalog:read", "usage:read", "keys:admin"]
ACTIONS = ["openai.chat", "openai.embed", "acme.say", "open.x"]
ACTION_PATTERNS = ["*", "openai.*", "open*", "openai.c*", "openai.chat", "acme.say"]
MODELS = ["gpt-4o", "gpt-4o-mini", "gpt-5", "o3"]
MODEL_PATTERNS = ["*", "gpt-*", "gpt-4o*", "gpt-4o", "o3"]
CONNECTIONS = ["openai", "spare", "other"]
NETWORKS = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "192.0.2.0/24", "::/0", "2001:db8::/32"]
CLIENTS = ["10.0.0.1", "10.1.0.1", "10.1.2.3", "192.0.2.1", "203.0.113.1", "2001:db8::1", "2001:db9::1", "x"]
ENDS = [None, 10, 20, 30]


def lists(values: list[str], *, at_least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), unique=True, min_size=at_least, max_size=3).map(tuple)


def a_bound(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *values])


RIGHTS = st.builds(
    Rights,
    scopes=st.frozensets(st.sampled_from(SCOPES), min_size=1),
    actions=st.one_of(st.just(ANYTHING), lists(ACTION_PATTERNS)),
    models=st.one_of(st.just(ANYTHING), lists(MODEL_PATTERNS)),
    connections=st.one_of(st.just(()), lists(CONNECTIONS, at_least=1)),
    caps=st.builds(
        Caps, max_output_tokens=a_bound(1, 5), max_choices=a_bound(1, 5), max_stream_s=a_bound(0.5, 5.0)
    ),
    networks=st.one_of(st.just(()), lists(NETWORKS, at_least=1)),
    expires_at_us=st.sampled_from(ENDS),
)


def powers(rights: Rights) -> set[tuple[str, object]]:
    """Return every single thing that somebody with these rights may do."""
    caps = rights.caps
    return {
        *(("scope", scope) for scope in rights.scopes),
        *(("action", action) for action in ACTIONS if matches(rights.actions, action)),
        *(("model", model) for model in MODELS if matches(rights.models, model)),
        *(
            ("connection", name)
            for name in CONNECTIONS
            if not rights.connections or name in rights.connections
        ),
        *(
            (name, amount)
            for name in ("max_output_tokens", "max_choices", "max_stream_s")
            for amount in (0.5, 1, 5, 10**9)
            if getattr(caps, name) is None or amount <= getattr(caps, name)
        ),
        *(
            ("network", client)
            for client in CLIENTS
            if not rights.networks or is_inside(client, rights.networks)
        ),
        *(
            ("time", at)
            for at in (5, 15, 25, 10**15)
            if rights.expires_at_us is None or at < rights.expires_at_us
        ),
    }


@given(RIGHTS, RIGHTS)
def test_s9_a_key_that_may_be_made_can_do_nothing_that_its_maker_cannot(child: Rights, maker: Rights) -> None:
    """S9: child is a subset of its maker, thing by thing."""
    if not excess(child, maker):
        assert powers(child) <= powers(maker)


@given(RIGHTS, RIGHTS)
def test_s9_what_two_keys_both_allow_is_exactly_that(one: Rights, other: Rights) -> None:
    """S9: what a key can do at run time is held to every key that it descends from."""
    both = narrow(one, other)

    assert powers(both) == powers(one) & powers(other)
    assert powers(narrow(other, one)) == powers(both)
    assert powers(narrow(both, one)) == powers(both)


@given(RIGHTS)
def test_a_key_may_always_be_made_with_what_its_maker_has(rights: Rights) -> None:
    assert excess(rights, rights) == []
    assert excess(narrow(rights, rights), rights) == []


@given(RIGHTS, RIGHTS)
def test_what_is_refused_is_named(child: Rights, maker: Rights) -> None:
    if not powers(child) <= powers(maker):
        fields = {one.field for one in excess(child, maker)}
        assert fields <= {
            "scopes",
            "actions",
            "models",
            "connections",
            "networks",
            "expires_at",
            *(f"caps.{name}" for name in ("max_output_tokens", "max_choices", "max_stream_s")),
        }
        assert fields


def test_nothing_in_common_is_nothing_and_not_everything() -> None:
    one = Rights(connections=("a",), networks=("10.0.0.0/8",), actions=("a.*",), models=("m",))
    other = Rights(connections=("b",), networks=("192.0.2.0/24",), actions=("b.*",), models=("n",))

    both = narrow(one, other)

    assert (both.connections, both.networks) == (NO_CONNECTION, NOWHERE)
    assert (both.actions, both.models) == ((), ())
    assert not any(is_inside(client, both.networks) for client in CLIENTS)


def test_the_limits_of_all_ancestors_count_and_none_is_lost(lab: Lab) -> None:
    """S9: a child's limits are its own and those of every key that it descends from."""
    one = lab.make(limits=["10 requests / minute"])
    two = lab.make(one, limits=["1000 requests / minute", "5 usd / day"])
    three = lab.make(two)

    assert [(own.key_id, own.limits) for own in lab.ask(three).limits] == [
        (three.record.id, ()),
        (two.record.id, (parse_limit("1000 requests / minute"), parse_limit("5 usd / day"))),
        (one.record.id, (parse_limit("10 requests / minute"),)),
    ]


def test_what_is_left_out_is_as_the_maker_has_it(lab: Lab) -> None:
    given: dict[str, Any] = {
        "scopes": ["actions:run", "keys:admin"],
        "actions": ["openai.*"],
        "models": ["gpt-4o"],
        "connections": ["spare"],
        "caps": {"max_choices": 2},
        "networks": ["192.0.2.0/24"],
        "expires_at": "2027-01-31T12:00:00+00:00",
    }
    maker = lab.make(**given)

    child = lab.make(maker).record.rights
    asked = lab.make(maker, caps={"max_output_tokens": 5}).record.rights

    assert child.scopes == {"actions:run"}
    assert (child.actions, child.models, child.connections) == (("openai.*",), ("gpt-4o",), ("spare",))
    assert child.caps == Caps(max_choices=2)
    assert asked.caps == Caps(max_choices=2, max_output_tokens=5)
    assert child.networks == ("192.0.2.0/24",)
    assert child.expires_at_us == maker.record.rights.expires_at_us


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"scopes": ["actions:run", "keys:admin"]}, "scopes"),
        ({"actions": ["*"]}, "actions"),
        ({"actions": ["openai.*"]}, "actions"),
        ({"models": ["gpt-4o", "gpt-5"]}, "models"),
        ({"models": ["gpt-4o*"]}, "models"),
        ({"connections": []}, "connections"),
        ({"connections": ["spare", "openai"]}, "connections"),
        ({"caps": {"max_choices": 3}}, "caps.max_choices"),
        ({"networks": []}, "networks"),
        ({"networks": ["192.0.0.0/16"]}, "networks"),
        ({"expires_at": None}, "expires_at"),
        ({"expires_at": "2027-01-31T12:00:01Z"}, "expires_at"),
    ],
)
def test_s9_more_than_the_maker_has_is_refused_when_made_and_when_changed(
    lab: Lab, wanted: dict[str, Any], field: str
) -> None:
    """S9: each right by itself, named in the refusal."""
    maker = lab.make(
        scopes=["actions:run"],
        actions=["openai.chat"],
        models=["gpt-4o"],
        connections=["spare"],
        caps={"max_choices": 2},
        networks=["192.0.2.0/24"],
        expires_at="2027-01-31T12:00:00Z",
    )
    child = lab.make(maker)

    with pytest.raises(PermissionDeniedError) as caught:
        lab.make(maker, **wanted)
    assert caught.value.field == field
    with pytest.raises(PermissionDeniedError) as caught:
        lab.change(child, **wanted)
    assert caught.value.field == field


def test_s9_a_maker_that_loses_a_right_takes_it_from_its_descendants(lab: Lab) -> None:
    """S9: also what was allowed when the child was made."""
    maker = lab.make()
    child = lab.make(lab.make(maker, connections=["a", "b"]))
    assert lab.ask(child).models is ANYTHING

    lab.change(maker, models=["gpt-4o"], connections=["b"], caps={"max_choices": 1}, scopes=["catalog:read"])

    principal = lab.ask(child)
    assert (principal.models, principal.connections) == (("gpt-4o",), ("b",))
    assert (principal.caps.max_choices, set(principal.scopes)) == (1, {"catalog:read"})


def test_an_ancestor_that_ended_ends_its_descendants_and_makes_no_more(lab: Lab) -> None:
    one = lab.make()
    two = lab.make(one)
    three = lab.make(two)
    lab.callers.desk.revoke(one.record.id, operator())

    assert [lab.refusal(made).status for made in (one, two, three)] == [401] * 3
    with pytest.raises(HooklineError, match="was revoked") as caught:
        lab.make(three)
    assert caught.value.status == 409


def test_a_line_of_keys_is_not_endless(lab: Lab) -> None:
    made = lab.make()
    for _ in range(MAX_DEPTH - 1):
        made = lab.make(made)

    assert len(lab.ask(made).limits) == MAX_DEPTH
    with pytest.raises(HooklineError, match="too deep"):
        lab.make(made)


UNKNOWN_FIELDS = [
    "id",
    "tenant",
    "secret_hash",
    "previous_hash",
    "parent_id",
    "created_by",
    "revoked_at_us",
    "key",
    "pepper_id",
    "expires_at_us",
    "__class__",
    "is_admin",
]


@pytest.mark.parametrize("field", UNKNOWN_FIELDS)
def test_s9_fields_that_are_not_the_maker_s_to_set_are_refused(field: str) -> None:
    """S9, S32: no mass assignment; and no hash is accepted."""
    with pytest.raises(HooklineError) as caught:
        read(NewKey, {"label": "x", field: "y"})
    assert (caught.value.status, caught.value.field) == (422, field)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"scopes": ["action:run"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "actions:run"}, "scopes"),
        ({"actions": ["openai.*.x"]}, "actions"),
        ({"actions": ["a" * 200 + "é"]}, "actions"),
        ({"models": ["*mini"]}, "models"),
        ({"models": [""]}, "models"),
        ({"models": ["a\nb"]}, "models"),
        ({"connections": ["../x"]}, "connections"),
        ({"connections": [""]}, "connections"),
        ({"networks": ["10.0.0.1/8"]}, "networks"),
        ({"networks": ["::ffff:10.0.0.0/104"]}, "networks"),
        ({"networks": ["everywhere"]}, "networks"),
        ({"limits": ["a lot"]}, "limits"),
        ({"caps": {"max_choices": 0}}, "caps.max_choices"),
        ({"caps": {"max_choices": "2"}}, "caps.max_choices"),
        ({"caps": {"max_tokens": 2}}, "caps.max_tokens"),
        ({"caps": {"max_stream_s": float("nan")}}, "caps.max_stream_s"),
        ({"label": "a\x00b"}, "label"),
        ({"label": "x" * 201}, "label"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2027-01-31T12:00:00"}, "expires_at"),
        ({"expires_at": "2026-11-22T12:00:00Z"}, "expires_at"),
        ({"expires_at": 5}, "expires_at"),
        ({"signing": {"mode": "perhaps"}}, "signing.mode"),
        ({"scopes": ["actions:run"] * 201}, "scopes"),
    ],
)
def test_a_wrong_value_is_refused_and_named(lab: Lab, wanted: dict[str, Any], field: str) -> None:
    with pytest.raises(HooklineError) as caught:
        lab.make(**wanted)
    assert (caught.value.status, caught.value.field) == (422, field)


def test_every_network_of_the_tests_is_one() -> None:
    assert [str(ipaddress.ip_network(text)) for text in NETWORKS] == NETWORKS
