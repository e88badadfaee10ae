"""The export for n8n, run as n8n runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from export_runs import RUN_SETS, SERVER, SETS, blueprint_of, blueprint_of_one, gateway_of, listen
from hookline.exports.bundled import TARGETS
from hookline.exports.export import make_export
from hookline.exports.targets.n8n import CREDENTIAL, TRIGGER
from hookline.webhook.app import create_app
from live_gateway import KEY
from n8n_steps import WORKFLOW_ID, evaluate, make_request

CREDENTIALS = {CREDENTIAL: {"name": "X-API-Key", "value": KEY}}
TARGET = next(one for one in TARGETS if one.name == "n8n")


def export(name: str, server_url: str = SERVER) -> dict[str, Any]:
    """Return the workflow as n8n reads it."""
    file, content = make_export(TARGET, blueprint_of(name, server_url)).main
    assert file == "hookline-workflow.json"
    workflow: dict[str, Any] = json.loads(content)
    return workflow


def steps_of(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in workflow["nodes"] if node["type"] == "n8n-nodes-base.httpRequest"]


def step(workflow: dict[str, Any], action: str) -> dict[str, Any]:
    return next(node for node in steps_of(workflow) if node["parameters"]["url"].endswith(f"/{action}"))


@pytest.mark.parametrize("name", SETS)
def test_every_action_is_one_node_that_the_trigger_leads_to(name: str) -> None:
    workflow = export(name)
    steps = steps_of(workflow)
    urls = [node["parameters"]["url"] for node in steps]
    assert urls == [f"{SERVER}/actions/{action.id}" for action in blueprint_of(name).actions]
    leads_to = [{"node": node["name"], "type": "main", "index": 0} for node in steps]
    assert workflow["connections"] == {TRIGGER: {"main": [leads_to]}}
    others = sorted(node["type"] for node in workflow["nodes"] if node not in steps)
    assert others == ["n8n-nodes-base.manualTrigger", "n8n-nodes-base.stickyNote"]


@pytest.mark.parametrize("name", SETS)
def test_nodes_share_no_name_no_id_and_no_place(name: str) -> None:
    nodes = export(name)["nodes"]
    for key in ("name", "id", "position"):
        values = [str(node[key]) for node in nodes]
        assert sorted(set(values)) == sorted(values)


@pytest.mark.parametrize("name", SETS)
def test_the_workflow_holds_no_key_and_names_the_credential_that_the_builder_makes(name: str) -> None:
    workflow = export(name)
    assert KEY not in json.dumps(workflow)
    assert {json.dumps(node["credentials"]) for node in steps_of(workflow)} == {
        '{"httpHeaderAuth": {"id": null, "name": "Hookline"}}'
    }
    note = next(node for node in workflow["nodes"] if node["name"] == "What to do")["parameters"]["content"]
    assert "call it `Hookline`" in note
    assert f"Value: a key of {SERVER}." in note


@pytest.mark.parametrize("name", RUN_SETS)
def test_every_node_runs_as_it_was_imported(name: str, tmp_path: Path) -> None:
    with listen(name, tmp_path) as url, httpx.Client(trust_env=False) as client:
        steps = steps_of(export(name, url))
        answers = [client.send(make_request(node, {}, CREDENTIALS)) for node in steps]
    assert [answer.status_code for answer in answers] == [200] * len(steps), [one.text for one in answers]


def test_the_request_keeps_n8ns_deadline_and_names_the_workflow() -> None:
    request = make_request(step(export("openai"), "openai.chat"), {}, CREDENTIALS)
    assert request.url == f"{SERVER}/actions/openai.chat?profile=n8n"
    assert request.headers["x-hookline-flow"] == WORKFLOW_ID
    assert request.headers["x-api-key"] == KEY
    assert request.extensions["timeout"]["read"] == 300.0


def test_a_gateway_without_jobs_is_asked_for_no_profile() -> None:
    request = make_request(step(export("nasty"), "nasty.tree"), {}, CREDENTIALS)
    assert request.url == f"{SERVER}/actions/nasty.tree"


@pytest.mark.parametrize("name", SETS)
def test_without_an_item_the_body_is_the_sample(name: str) -> None:
    workflow = export(name)
    bodies = {
        action.id: json.loads(evaluate(step(workflow, action.id)["parameters"]["jsonBody"], {}))
        for action in blueprint_of(name).actions
    }
    assert bodies == {action.id: action.sample_input for action in blueprint_of(name).actions}


@pytest.mark.parametrize("text", ["Hello", 'He said "{{ 1 }}"\n\\ and }}', "ü 🚀 \u2028"])
def test_a_text_of_the_item_takes_the_place_of_the_samples(text: str) -> None:
    request = make_request(step(export("openai"), "openai.chat"), {"prompt": text}, CREDENTIALS)
    assert json.loads(request.content) == {"model": "gpt-5.4-mini", "prompt": text}


@pytest.mark.parametrize("name", ["toString", "constructor", "with space", "größe", "$json", "plain"])
def test_only_a_plain_name_is_looked_up_in_the_item(name: str) -> None:
    field = {"type": "string", "examples": ["{{ 6 * 7 }}"]}
    blueprint = blueprint_of_one({"type": "object", "properties": {name: field}, "required": [name]})
    workflow = json.loads(make_export(TARGET, blueprint).main[1])
    body = step(workflow, "acme.say")["parameters"]["jsonBody"]
    assert body.startswith("=") == (name == "plain")
    assert json.loads(evaluate(body, {})) == {name: "{{ 6 * 7 }}"}
    assert "{{ 6" not in body


def test_the_same_catalog_gives_the_same_bytes() -> None:
    first, second = (make_export(TARGET, blueprint_of("both")).main for _ in range(2))
    assert first == second


def test_what_the_node_cannot_show_is_reported_with_the_way_around_it() -> None:
    losses = make_export(TARGET, blueprint_of("both")).losses
    found = {(one.action, one.place): one.instead for one in losses}
    assert found["openai.chat", "model"] == "`GET /options/openai.models?kind=chat` lists them."
    assert found["nasty.picks", "kind"] == "`GET /options/nasty.kinds?group=a+b%26c` lists them."
    assert ("nasty.picks", "gone") not in found
    assert "Extract from File" in found["nasty.binary", "file"]
    assert '`"stream": true`' in found["openai.chat", "stream"]


def test_a_stream_is_reached_as_the_report_says(tmp_path: Path) -> None:
    with listen("openai", tmp_path) as url, httpx.Client(trust_env=False) as client:
        node = step(export("openai", url), "openai.chat")
        told = node["parameters"]
        told["jsonBody"] = told["jsonBody"].replace("{\n", '{\n  "stream": true,\n', 1)
        answer = client.send(make_request(node, {}, CREDENTIALS))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_the_addresses_in_the_report_answer() -> None:
    client = create_app(gateway_of("both")).test_client()
    losses = make_export(TARGET, blueprint_of("both")).losses
    paths = {one.instead.split("`")[1].removeprefix("GET ") for one in losses if "/options/" in one.instead}
    answers = {path: client.get(path, headers={"x-api-key": KEY}).status_code for path in paths}
    assert answers == dict.fromkeys(paths, 200)
    assert len(paths) >= 4
