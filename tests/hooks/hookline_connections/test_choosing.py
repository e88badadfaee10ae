"""Which connection a call uses: whose, for which model, by priority and weight; never somebody else's."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from connections_lab import body_of
from hookline.connection import Connection
from hookline_connections.choosing import Candidate, put_in_order

if TYPE_CHECKING:
    from connections_lab import Lab

Caller = Any


def candidate(name: str, *, weight: int = 1, priority: int = 0) -> Candidate:
    connection = Connection(name=name, connector="acme", base_url=f"https://{name}.example")
    return Candidate(connection=connection, weight=weight, priority=priority)


# ---------------------------------------------------------------- the order


def test_the_lowest_priority_is_first_and_weight_0_is_last_of_all() -> None:
    candidates = [
        candidate("spare", weight=0),
        candidate("second", priority=1),
        candidate("spare-of-second", weight=0, priority=1),
        candidate("first"),
    ]

    ordered = put_in_order(candidates, random.Random(1).random)

    assert [one.connection.name for one in ordered] == ["first", "second", "spare", "spare-of-second"]


def test_calls_are_shared_out_by_weight() -> None:
    """20,000 draws; each share is within 4 standard deviations of what its weight says."""
    weights = {"a": 1, "b": 3, "c": 6}
    candidates = [candidate(name, weight=weight) for name, weight in weights.items()]
    chance = random.Random(7).random
    number = 20_000

    firsts = Counter(put_in_order(candidates, chance)[0].connection.name for _ in range(number))

    for name, weight in weights.items():
        share = weight / 10
        assert abs(firsts[name] - number * share) < 4 * (number * share * (1 - share)) ** 0.5


def test_any_chance_gives_an_order_of_all() -> None:
    for chance in (0.0, 1e-300, 0.5, 1 - 1e-16):
        always = partial(float, chance)
        ordered = put_in_order([candidate("a"), candidate("b", weight=1000), candidate("c")], always)
        assert {one.connection.name for one in ordered} == {"a", "b", "c"}


# ---------------------------------------------------------------- whose


def test_without_stored_connections_the_settings_decide(lab: Lab) -> None:
    reply = lab.say()

    assert reply.status == 200
    assert lab.service.hosts == ["api.acme.example"]
    assert "x-hookline-connection" not in dict(reply.headers)


def test_a_shared_connection_serves_all_tenants(lab: Lab, caller: Caller) -> None:
    lab.add("main")

    assert lab.tell(caller("ada")) == lab.tell(caller("bob")) == (200, "from main.example")
    assert set(lab.service.sent) == {("main.example", "sk-shared-main")}


def test_a_tenant_s_own_comes_before_the_shared_one_and_is_nobody_else_s(lab: Lab, caller: Caller) -> None:
    lab.add("main")
    lab.add("own", tenant="ada")

    assert lab.tell(caller("ada")) == (200, "from own.example")
    assert lab.tell(caller("bob")) == (200, "from main.example")


def test_the_same_name_of_two_tenants_and_the_operator_is_three_connections(lab: Lab, caller: Caller) -> None:
    lab.add("main", host="shared.example")
    for tenant in ("ada", "bob"):
        lab.add("main", tenant=tenant, host=f"{tenant}.example")

    told = [lab.tell(caller(tenant)) for tenant in ("ada", "bob", "eve")]

    assert told == [(200, f"from {host}.example") for host in ("ada", "bob", "shared")]
    assert lab.service.sent == [
        ("ada.example", "sk-ada-main"),
        ("bob.example", "sk-bob-main"),
        ("shared.example", "sk-shared-main"),
    ]


@pytest.mark.parametrize("state", ["disabled", "other model", "broken"])
def test_a_tenant_whose_own_connections_cannot_be_used_does_not_get_the_operator_s(
    make_lab: Any, caller: Caller, operator: Any, state: str
) -> None:
    """S12: neither the shared one nor the one of the settings."""
    lab = make_lab(environ={"ACME_API_KEY": "sk-of-the-settings"})
    lab.add("main")
    lab.add("own", tenant="ada", models=("x",) if state == "other model" else ("*",))
    if state == "disabled":
        lab.desk.switch("ada", "own", operator, is_disabled=True)
    elif state == "broken":
        lab.sql("UPDATE connections SET base_url = 'https://other.example' WHERE tenant = 'ada'")

    assert lab.ask(caller("ada"), model="m") == (403, "no_connection")
    assert lab.service.sent == []


def test_a_tenant_may_go_on_with_the_shared_ones_if_that_is_set(make_lab: Any, caller: Caller) -> None:
    lab = make_lab(fall_back_to_shared=True)
    lab.add("main", priority=0)
    lab.add("own", tenant="ada", priority=9)
    lab.service.scripts["own.example"] = [lab.refuse(401)]

    assert lab.tell(caller("ada")) == (200, "from main.example")
    assert lab.service.hosts == ["own.example", "main.example"]


# ---------------------------------------------------------------- by key


def test_a_key_that_names_connections_gets_one_of_them(lab: Lab, caller: Caller) -> None:
    lab.add("main")
    lab.add("other", priority=5)

    assert lab.tell(caller("ada", connections=("other",))) == (200, "from other.example")


@pytest.mark.parametrize("stored", [True, False])
def test_a_key_that_names_a_connection_which_is_not_there_gets_none(
    make_lab: Any, caller: Caller, stored: bool
) -> None:
    """S12: never the operator's default."""
    lab = make_lab(environ={"ACME_API_KEY": "sk-of-the-settings"})
    if stored:
        lab.add("main")
        lab.add("gone", tenant="bob")

    assert lab.tell(caller("ada", connections=("gone",))) == (403, "no_connection")
    assert lab.service.sent == []


def test_a_key_may_name_the_connection_of_the_settings(lab: Lab, caller: Caller) -> None:
    assert lab.tell(caller("ada", connections=("acme",))) == (200, "from api.acme.example")


# ---------------------------------------------------------------- by model


def test_a_model_goes_to_a_connection_that_serves_it(lab: Lab, caller: Caller) -> None:
    lab.add("small", models=("mini-*", "tiny"))
    lab.add("large", models=("maxi-*",), priority=1)

    for model, host in (("mini-1", "small"), ("tiny", "small"), ("maxi-2", "large")):
        assert lab.ask(model=model) == (200, f"from {host}.example")
    assert lab.ask(model="tiny-2") == (403, "no_connection")
    assert lab.ask() == (200, "from small.example")  # a request without a model goes anywhere


@pytest.mark.parametrize("model", [1, None, ["mini-1"], {"a": 1}, True])
def test_a_model_that_is_no_name_is_left_to_the_service(lab: Lab, model: object) -> None:
    lab.add("small", models=("mini-*",))

    assert lab.ask(model=model)[0] == 200


# ---------------------------------------------------------------- with those of the settings


SETTINGS = {
    "acme": {"base_url": "https://set.example/v1", "api_key": "sk-set", "priority": 0},
    "reserve": {
        "connector": "acme",
        "base_url": "https://reserve.example/v1",
        "api_key": "sk-r",
        "priority": 1,
    },
}


def test_several_connections_of_the_settings_are_chosen_among(make_lab: Any) -> None:
    lab = make_lab(connections=SETTINGS)
    lab.service.scripts["set.example"] = [lab.refuse(429)]

    assert lab.tell() == (200, "from reserve.example")
    assert lab.service.sent == [("set.example", "sk-set"), ("reserve.example", "sk-r")]


def test_stored_and_set_connections_are_chosen_among_together(make_lab: Any) -> None:
    lab = make_lab(connections=SETTINGS)
    lab.add("stored", priority=0, weight=0)
    lab.service.scripts["set.example"] = [lab.refuse(429)]
    lab.service.scripts["reserve.example"] = [lab.refuse(429)]

    assert lab.tell() == (200, "from stored.example")
    assert lab.service.hosts == ["set.example", "reserve.example", "stored.example"]


def test_a_stored_connection_takes_the_place_of_one_of_the_settings_with_its_name(
    make_lab: Any, operator: Any
) -> None:
    lab = make_lab(connections={"acme": SETTINGS["acme"]})
    lab.add("acme", host="stored.example")

    assert lab.tell() == (200, "from stored.example")
    assert lab.service.sent == [("stored.example", "sk-shared-acme")]
    lab.desk.switch("", "acme", operator, is_disabled=True)
    assert lab.tell() == (403, "no_connection")


def test_a_stored_connection_without_credential_gets_none_of_the_settings(make_lab: Any) -> None:
    """S2: though name and address are the same."""
    lab = make_lab(connections={"acme": SETTINGS["acme"]})
    lab.add("acme", host="set.example", secret=None)

    assert lab.tell() == (200, "from set.example")
    assert lab.service.sent == [("set.example", None)]


def test_what_is_not_set_is_no_candidate_beside_a_stored_one(lab: Lab) -> None:
    """The connector's own address, without a credential, is not where a failed call should go."""
    lab.add("main")
    lab.service.scripts["main.example"] = [lab.refuse(503)]

    assert lab.tell()[0] == 502
    assert lab.service.hosts == ["main.example"]


def test_in_the_sandbox_nothing_stored_is_used(make_lab: Any) -> None:
    lab = make_lab(sandbox=True)
    lab.add("main")

    lab.say()
    assert lab.service.sent == [("sandbox.invalid", None)]


# ---------------------------------------------------------------- what callers see


def test_the_answer_names_the_connection_unless_that_is_switched_off(make_lab: Any) -> None:
    lab = make_lab()
    lab.add("main")
    assert dict(lab.say().headers)["x-hookline-connection"] == "main"

    quiet = make_lab(show_name=False)
    assert "x-hookline-connection" not in dict(quiet.say().headers)


def test_a_refusal_names_no_connection_of_others(lab: Lab, caller: Caller) -> None:
    """S10: what the caller asked for is repeated, and nothing else."""
    lab.add("main")
    lab.add("secret-project", tenant="bob")

    for principal in (
        caller("ada", connections=("secret-project",)),
        caller("ada", connections=("nowhere",)),
    ):
        told = body_of(lab.say(principal))
        name = principal.connections[0]
        assert told["detail"] == (
            f"This key may use the connection {name} only, and none of that name can be used for 'acme'."
        )


# ---------------------------------------------------------------- changes


def test_what_is_changed_here_counts_at_once(lab: Lab, operator: Any) -> None:
    lab.add("main")
    lab.add("other", priority=1)
    assert lab.tell() == (200, "from main.example")

    lab.desk.switch("", "main", operator, is_disabled=True)
    assert lab.tell() == (200, "from other.example")
    lab.desk.switch("", "main", operator, is_disabled=False)
    assert lab.tell() == (200, "from main.example")
    lab.desk.remove("", "main", operator)
    assert lab.tell() == (200, "from other.example")


def test_what_another_process_changed_counts_within_twice_the_stated_time(
    make_lab: Any, operator: Any
) -> None:
    lab, other = make_lab(cache_s=5), make_lab()
    lab.add("main")
    assert lab.tell() == (200, "from main.example")

    other.desk.rotate("", "main", operator, secret="sk-second")
    lab.clock.advance(10.1)
    lab.tell()
    assert lab.service.sent[-1] == ("main.example", "sk-second")
    other.desk.remove("", "main", operator)
    lab.clock.advance(10.1)
    assert lab.tell() == (200, "from api.acme.example")


def test_the_gateway_knows_for_which_connectors_accounts_are_stored(lab: Lab) -> None:
    assert not lab.gateway.has_account("acme")

    lab.add("main")

    assert lab.gateway.has_account("acme")
    assert not lab.gateway.has_account("openai")
