"""What forms of plain fields cannot show: each loss says what to write, and that reaches the action."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hookline.exports.blueprints import make_blueprint
from hookline.exports.export import make_export
from hookline.exports.form_fields import read_form
from hookline.exports.losses import Losses
from hookline.webhook.app import create_app
from nasty_connector import KEY, nasty_gateway

if TYPE_CHECKING:
    from hookline.exports.losses import Loss
    from hookline.gateway import Gateway

MARK = "Raw JSON: "
UNTESTED = {
    "nothing",  # takes no value at all
    "conditional",  # takes an empty object, which is all that a quick look makes, only beside others
}


@pytest.fixture(scope="module")
def nasty() -> Iterator[Gateway]:
    with closing(nasty_gateway()) as made:
        yield made


def told_by(gateway: Gateway, target: str) -> list[tuple[Loss, dict[str, Any]]]:
    """Return the losses that raw JSON makes up for, with what is to be written."""
    blueprint = make_blueprint(gateway, server_url="https://hooks.example.com")
    export = make_export(gateway.export_targets[target], blueprint)
    return [
        (loss, json.loads(loss.instead.partition(MARK)[2])) for loss in export.losses if MARK in loss.instead
    ]


@pytest.mark.parametrize("target", ["zapier", "make"])
def test_what_is_lost_arrives_by_raw_json(target: str, nasty: Gateway) -> None:
    client = create_app(nasty).test_client()
    inputs = {
        action.id: action.sample_input
        for action in make_blueprint(nasty, server_url="https://hooks.example.com").actions
    }
    losses = [(loss, raw) for loss, raw in told_by(nasty, target) if not UNTESTED & set(raw)]
    lost = []
    for loss, raw in losses:
        body = {**inputs[loss.action], "raw_json": json.dumps(raw)}
        answer = client.post(f"/actions/{loss.action}", json=body, headers={"X-API-Key": KEY}).get_json()
        is_echo = loss.action != "nasty.no_output"  # that one is a GET, which sends no body
        if "message" in answer or (is_echo and any(answer.get(name) != raw[name] for name in raw)):
            lost.append((loss.action, raw, answer.get("message")))

    assert len(losses) > 30
    assert lost == []


@pytest.mark.parametrize("target", ["zapier", "make"])
def test_every_loss_says_a_way_around(target: str, nasty: Gateway) -> None:
    blueprint = make_blueprint(nasty, server_url="https://hooks.example.com")
    losses = make_export(nasty.export_targets[target], blueprint).losses

    assert losses
    assert [loss for loss in losses if not loss.lost.endswith(".") and ":" not in loss.lost] == []
    assert [loss for loss in losses if not loss.instead] == []


@pytest.mark.parametrize("target", ["zapier", "make"])
def test_an_action_with_a_field_called_raw_json_keeps_it_for_itself(target: str, nasty: Gateway) -> None:
    blueprint = make_blueprint(nasty, server_url="https://hooks.example.com", action_ids=["nasty.free"])
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"raw_json": {"type": "string"}, "more": {"type": "object"}},
    }
    own = replace(blueprint.actions[0], input_schema=schema, fields=read_form(schema))
    blueprint = replace(blueprint, actions=(own,), losses=Losses())
    export = make_export(nasty.export_targets[target], blueprint)

    assert b"".join(export.files.values()).count(b'"raw_json"') == {"zapier": 2, "make": 1}[target]
    assert [loss.instead for loss in export.losses if loss.place == "more"] == [
        "Write JSON into it, or into the body of an HTTP step: this action has a field `raw_json` of its own."
    ]
