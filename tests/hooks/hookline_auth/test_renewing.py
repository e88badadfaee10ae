"""Callers whose call runs long after it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hookline.errors import AuthenticationError
from hookline.principal import Principal
from hookline_auth.desk import operator

if TYPE_CHECKING:
    from tests.hooks.hookline_auth.conftest import Lab, MakeLab


def renew(lab: Lab, principal: Principal) -> Principal | None:
    found: Principal | None = lab.gateway.host.hook.hookline_renew_principal(principal=principal)
    return found


def test_a_key_has_the_rights_that_it_has_now(lab: Lab) -> None:
    made = lab.make(actions=["acme.*"])
    then = lab.ask(made)
    lab.change(made, actions=["acme.look"])

    now = renew(lab, then)

    assert now is not None
    assert (then.actions, now.actions) == (("acme.*",), ("acme.look",))
    assert now.key_id == then.key_id


def test_a_revoked_key_and_the_child_of_one_are_not_valid_any_more(lab: Lab) -> None:
    maker = lab.make(scopes=["actions:run", "keys:admin"])
    child = lab.make(maker, scopes=["actions:run"])
    callers = [lab.ask(maker), lab.ask(child)]
    lab.callers.desk.revoke(maker.record.id, operator())

    for caller in callers:
        with pytest.raises(AuthenticationError, match="not valid any more"):
            renew(lab, caller)


def test_an_expired_key_is_not_valid_any_more(lab: Lab) -> None:
    made = lab.make(expires_at="1h")
    caller = lab.ask(made)
    lab.clock.advance(3601)
    with pytest.raises(AuthenticationError):
        renew(lab, caller)


def test_other_callers_keep_the_rights_that_they_had(make_lab: MakeLab) -> None:
    lab = make_lab(api_keys=("a-key-for-tests-only-0001",))
    assert renew(lab, lab.ask("a-key-for-tests-only-0001")) is None
    assert renew(lab, Principal(key_id="user@issuer.example")) is None
