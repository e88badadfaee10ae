"""Signed calls that come again: copies are refused, deliveries that were signed anew get the first answer."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks.webhooks import Webhook

from fake_clock import FakeClock
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.webhook.app import create_app
from hookline_auth import AuthPlugin
from hookline_auth.desk import operator
from hookline_auth.wanted import NewKey, read
from hookline_idempotency import IdempotencyPlugin
from small_service import Acme, Upstream

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

BODY = json.dumps({"text": "hi"})


class SignedLab:
    """A gateway with a key whose calls are signed."""

    def __init__(self, folder: Path, **auth: object) -> None:
        self.clock = FakeClock()
        self.upstream = Upstream()
        plugin = AuthPlugin()
        host = PluginHost()
        host.register(Acme(), name="acme")
        host.register(plugin, name="auth")
        host.register(IdempotencyPlugin(), name="idempotency")
        settings = Settings.model_validate({"state_dir": str(folder), "plugins": {"auth": auth}})
        self.gateway = Gateway(settings, host=host, environ={}, clock=self.clock, transport=self.upstream)
        callers = plugin._callers
        assert callers is not None
        wanted = read(NewKey, {"label": "orders", "signing": {"mode": "required"}})
        made = callers.desk.create(wanted, operator(), tenant=None, maker_id=None)
        assert made.signing_secret is not None
        self._key_id, self._webhook = made.record.id, Webhook(made.signing_secret)
        self._client = create_app(self.gateway).test_client()

    def deliver(
        self, id: str = "msg_1", *, at: datetime | None = None, body: str = BODY, key: str | None = None
    ) -> TestResponse:
        """Send a delivery, signed now or at another time."""
        at = at or self.clock.now()
        signed = {
            "x-hookline-key-id": self._key_id,
            "webhook-id": id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._webhook.sign(id, at, body),
            "content-type": "application/json",
        }
        return self._client.post(
            "/actions/acme.say", data=body, headers=signed | ({} if key is None else {"idempotency-key": key})
        )


@pytest.fixture
def strict(tmp_path: Path) -> SignedLab:
    return SignedLab(tmp_path)


@pytest.fixture
def lab(tmp_path: Path) -> SignedLab:
    return SignedLab(tmp_path, redeliveries=True)


def replayed(answer: TestResponse) -> str | None:
    return answer.headers.get("idempotent-replayed")


def test_the_rule_that_an_id_is_taken_once_comes_first(strict: SignedLab) -> None:
    assert strict.deliver().status_code == 200
    strict.clock.advance(60)
    assert strict.deliver().status_code == 401
    assert len(strict.upstream.sent) == 1


def test_when_the_id_is_forgotten_the_answer_is_still_there(strict: SignedLab) -> None:
    """Standard Webhooks sends again after half an hour, two hours and later."""
    first = strict.deliver()
    strict.clock.advance(1800)
    second = strict.deliver()

    assert (second.status_code, replayed(second)) == (200, "true")
    assert second.data == first.data
    assert len(strict.upstream.sent) == 1


def test_a_delivery_that_was_signed_anew_gets_the_first_answer(lab: SignedLab) -> None:
    first = lab.deliver()
    lab.clock.advance(5)
    second = lab.deliver()

    assert (second.status_code, replayed(second), second.data) == (200, "true", first.data)
    assert len(lab.upstream.sent) == 1


def test_a_copy_of_a_recorded_request_is_refused_all_the_same(lab: SignedLab) -> None:
    """S26: whoever recorded it cannot sign another time."""
    recorded = lab.clock.now()
    lab.deliver(at=recorded)
    lab.clock.advance(5)

    assert lab.deliver(at=recorded).status_code == 401
    again = recorded + timedelta(seconds=5)
    assert lab.deliver(at=again).status_code == 200
    assert lab.deliver(at=again).status_code == 401
    assert len(lab.upstream.sent) == 1


def test_another_body_under_the_same_id_is_refused(lab: SignedLab) -> None:
    lab.deliver()
    lab.clock.advance(5)
    answer = lab.deliver(body=json.dumps({"text": "another"}))
    found: Any = answer.get_json()
    assert (answer.status_code, found["error"]["code"]) == (422, "idempotency_key_reused")


def test_the_header_goes_before_the_id(lab: SignedLab) -> None:
    lab.deliver(key="k")
    lab.clock.advance(5)
    assert replayed(lab.deliver("msg_2", key="k")) == "true"
    assert replayed(lab.deliver("msg_1")) is None
