"""OpenAPI 3.1: whoever holds nothing but the document calls every operation, and every answer fits it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.core.exports.conftest import CATALOGS, ExportOf, json_of

from hookline.gateway import Gateway
from hookline.settings import Settings
from hookline.webhook.app import create_app
from nasty_connector import KEY, nasty_gateway
from openapi_client import Answered, OpenApiClient

FAULTS = {
    "sandbox-status-401": 502,
    "sandbox-billing": 402,
    "sandbox-429": 429,
    "sandbox-status-500": 502,
    "sandbox-status-503": 502,
    "sandbox-html": 502,
}


def client_of(gateway: Gateway) -> OpenApiClient:
    """Return a client that got the document as anybody would."""
    app = create_app(gateway).test_client()

    def send(method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Answered:
        answer = app.open(path, method=method, headers=dict(headers), data=content)
        return Answered(
            status=answer.status_code,
            headers={name.lower(): value for name, value in answer.headers},
            content=answer.data,
        )

    document = send("GET", "/openapi.json", {"Authorization": f"Bearer {KEY}"}, None)
    assert document.status == 200
    return OpenApiClient(document.json(), send, key=KEY)


@pytest.fixture(scope="module")
def client() -> Iterator[OpenApiClient]:
    retries = {"max_attempts": 1}
    settings = {"api_keys": [KEY], "sandbox": True, "plugins": {"retry": retries}}
    gateway = Gateway(Settings.model_validate(settings), environ={})
    yield client_of(gateway)
    gateway.close()


@pytest.fixture(scope="module")
def nasty_client() -> Iterator[OpenApiClient]:
    gateway = nasty_gateway()
    yield client_of(gateway)
    gateway.close()


@pytest.mark.parametrize("catalog", CATALOGS)
def test_the_document_is_valid(catalog: str, export_of: ExportOf) -> None:
    document = json_of(export_of("openapi", catalog))

    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_action_answers_its_examples_as_the_document_says(client: OpenApiClient) -> None:
    answers = {
        id: [client.call(id, body).status for body in client.examples(id)]
        for id, operation in client.operations.items()
        if operation.path.startswith("/actions/")
    }

    assert len(answers) == 6
    assert {status for statuses in answers.values() for status in statuses} == {200}


def test_every_nasty_action_answers_its_examples_as_the_document_says(nasty_client: OpenApiClient) -> None:
    answers = {
        id: nasty_client.call(id, body).status
        for id, operation in nasty_client.operations.items()
        if operation.method == "POST"
        for body in nasty_client.examples(id)
    }

    assert len(answers) == 9
    assert set(answers.values()) == {200}


def test_the_options_of_every_dropdown_are_where_the_document_says(client: OpenApiClient) -> None:
    asked = [id for id, one in client.operations.items() if one.path.startswith("/options/")]

    assert len(asked) == 2
    for id in asked:
        assert client.call(id, limit="2", q="a").status == 200


def test_a_key_can_be_tried(client: OpenApiClient) -> None:
    assert client.call("GatewayMe").json()["label"] == "static key"


def test_a_job_is_found_by_the_links_of_its_answer(client: OpenApiClient) -> None:
    body = client.examples("OpenaiChat")[0]

    accepted = client.call("OpenaiChat", body, Prefer="respond-async")

    assert accepted.status == 202
    assert client.follow("OpenaiChat", accepted, "status").status == 200
    for _ in range(200):
        answer = client.follow("OpenaiChat", accepted, "result")
        if answer.status != 202:
            break
    assert answer.status == 200
    client.judge(answer.json(), {"$ref": "#/components/schemas/OpenaiChatOutput"})
    assert client.follow("OpenaiChat", accepted, "cancel").json()["status"] == "done"


def test_a_stream_comes_as_the_document_says(client: OpenApiClient) -> None:
    body = {**client.examples("OpenaiChat")[0], "stream": True}

    answer = client.call("OpenaiChat", body)

    assert answer.media_type == "text/event-stream"


def test_every_operation_refuses_a_wrong_key_as_the_document_says(client: OpenApiClient) -> None:
    statuses = set()
    for id, operation in client.operations.items():
        call = partial(client.call, id, client.examples(id)[0], key="not-a-key-of-this-gateway")
        statuses.add((call(job_id="job_none") if "{job_id}" in operation.path else call()).status)
    assert statuses == {401}


@pytest.mark.parametrize(
    "body", [{}, {"no_such_field": 1}, {"model": 7}, {"callback_url": "http://10.0.0.1/"}]
)
def test_every_action_refuses_a_wrong_input_as_the_document_says(client: OpenApiClient, body: Any) -> None:
    for id, operation in client.operations.items():
        if operation.method == "POST" and id != "OpenaiListModels":
            answer = client.call(id, body, check=False)
            assert answer.status in (400, 422)
            assert answer.json()["message"]


@pytest.mark.parametrize("fault", FAULTS)
def test_failures_of_the_service_are_told_as_the_document_says(client: OpenApiClient, fault: str) -> None:
    answer = client.call("OpenaiChat", {"model": fault, "prompt": "Hello"})

    assert answer.status == FAULTS[fault]
    assert str(answer.status) in client.operations["OpenaiChat"].spec["responses"]


def test_a_question_for_a_job_that_is_not_there_is_told(client: OpenApiClient) -> None:
    assert client.call("JobsResult", job_id="job_none").status == 404


def test_the_same_catalog_gives_the_same_bytes() -> None:
    def document() -> bytes:
        gateway = nasty_gateway(with_installed=True)
        try:
            return bytes(
                create_app(gateway).test_client().get("/openapi.json", headers={"x-api-key": KEY}).data
            )
        finally:
            gateway.close()

    assert document() == document()


def test_descriptions_keep_the_lengths_that_gpt_actions_read(export_of: ExportOf) -> None:
    export = export_of("openapi")
    document = json_of(export)

    for methods in document["paths"].values():
        for operation in methods.values():
            assert len(operation["description"]) <= 300
            assert isinstance(operation["x-openai-isConsequential"], bool)
    long = [text for text in _descriptions(document) if len(text) > 700]
    assert long == []
    lost = {(one.action, one.place) for one in export.losses}
    assert ("nasty.wide", "") in lost
    assert ("nasty.wide", "Field 19") in lost


def test_a_result_is_posted_as_the_callback_of_the_document_says(client: OpenApiClient) -> None:
    callback = client.operations["OpenaiChat"].spec["callbacks"]["onComplete"]

    (told,) = callback.values()
    assert list(callback) == ["{$request.body#/callback_url}"]
    schema = told["post"]["requestBody"]["content"]["application/json"]["schema"]
    client.judge(client.call("OpenaiChat", client.examples("OpenaiChat")[0]).json(), schema)


def test_no_secret_is_in_an_export() -> None:
    gateway = nasty_gateway()
    try:
        text = create_app(gateway).test_client().get("/openapi.json", headers={"x-api-key": KEY}).text
        assert KEY not in text
        assert "s" * 24 not in text
    finally:
        gateway.close()


def _descriptions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("description"), str):
            yield value["description"]
        for one in value.values():
            yield from _descriptions(one)
    elif isinstance(value, list):
        for one in value:
            yield from _descriptions(one)


def test_a_document_can_be_read_by_any_json_reader(export_of: ExportOf) -> None:
    assert json.loads(export_of("openapi").main[1])["openapi"] == "3.1.0"
