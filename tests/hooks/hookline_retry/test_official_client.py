"""How many requests the service gets from an official client with its default retries, over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import openai
import pytest

from hookline_sandbox.server import SandboxServer
from live_gateway import KEY, Server, run_server

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "ping"}]
SETTINGS = {
    "HOOKLINE_OPENAI_API_KEY": "none",
    "HOOKLINE_RETRY_FIRST_WAIT_S": "0.01",
    "HOOKLINE_RETRY_BUDGET_RESERVE": "1000",
}

Serve = Callable[..., Server]


@pytest.fixture(scope="module")
def service() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@pytest.fixture(scope="module")
def server(service: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway before the simulated service."""
    folder = tmp_path_factory.mktemp("gateway")
    with run_server(folder, HOOKLINE_OPENAI_BASE_URL=service.base_url, **SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def hasty_server(service: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that has no time for any wait."""
    folder = tmp_path_factory.mktemp("gateway")
    with run_server(
        folder,
        HOOKLINE_OPENAI_BASE_URL=service.base_url,
        HOOKLINE_RETRY_MAX_TOTAL_S="0.001",
        **SETTINGS,
    ) as running:
        yield running


def counts(service: SandboxServer, server: Server, ask: Callable[[openai.OpenAI], object]) -> tuple[int, int]:
    """Return how many requests the gateway and the service got for what one client was asked to do."""
    seen = len(service.requests)
    logged = server.log.read_text().count("POST '/v1/")
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client, suppress(openai.APIError):
        ask(client)
    return server.log.read_text().count("POST '/v1/") - logged, len(service.requests) - seen


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "requests", "attempts"),
    [
        ("status-503-times-1", 1, 2),
        ("status-503-times-2", 1, 3),
        ("429-ms-times-1", 1, 2),
        ("429-retry-after-0.05-times-2", 1, 3),
        ("429-text-times-1", 1, 2),
        ("status-503", 1, 3),
        ("status-500", 1, 3),
        ("status-529", 1, 3),
        ("429-ms", 1, 3),
        ("billing", 1, 1),
        ("429-too-large", 1, 1),
        ("status-401", 1, 1),
        ("status-404", 1, 1),
        ("status-504", 1, 1),
        ("cut", 1, 1),
    ],
)
def test_a_chat_is_attempted_as_often_as_the_documentation_says(
    service: SandboxServer, server: Server, fault: str, requests: int, attempts: int, stream: bool
) -> None:
    def ask(client: openai.OpenAI) -> None:
        answer = client.chat.completions.create(model=f"sandbox-{fault}", messages=MESSAGES, stream=stream)
        if stream:
            list(answer)

    assert counts(service, server, ask) == (requests, attempts)


def test_a_wait_that_the_client_does_not_take_is_asked_for_once_and_then_answered_without_the_service(
    service: SandboxServer, server: Server
) -> None:
    def ask(client: openai.OpenAI) -> None:
        client.chat.completions.create(model="sandbox-429-retry-after-130", messages=MESSAGES)

    assert [counts(service, server, ask) for _ in range(2)] == [(1, 1), (1, 0)]


@pytest.mark.parametrize("fault", ["cut", "status-502", "status-504", "empty"])
def test_an_embedding_may_be_attempted_again_whatever_has_happened(
    service: SandboxServer, server: Server, fault: str
) -> None:
    def ask(client: openai.OpenAI) -> None:
        client.embeddings.create(model=f"sandbox-{fault}", input="ping")

    assert counts(service, server, ask) == (1, 3)


def test_the_client_gets_the_answer_of_the_last_attempt(service: SandboxServer, server: Server) -> None:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
        raw = client.chat.completions.with_raw_response.create(
            model="sandbox-status-503-times-2", messages=MESSAGES
        )

    assert raw.parse().choices[0].message.content == "Simulated answer to: ping"
    assert raw.headers["x-hookline-attempts"] == "3"


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ("429-ms", openai.RateLimitError, "rate_limit_exceeded"),
        ("status-503", openai.InternalServerError, "server_is_overloaded"),
        ("billing", openai.RateLimitError, "insufficient_quota"),
        ("cut", openai.InternalServerError, "stream_interrupted"),
    ],
)
def test_the_client_raises_what_the_last_attempt_failed_with(
    server: Server, fault: str, kind: type[openai.APIStatusError], code: str
) -> None:
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client,
        pytest.raises(kind) as caught,
    ):
        client.chat.completions.create(model=f"sandbox-{fault}", messages=MESSAGES)

    assert caught.value.code == code
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_a_client_waits_by_itself_where_the_gateway_has_no_time_to(
    service: SandboxServer, hasty_server: Server
) -> None:
    def ask(client: openai.OpenAI) -> None:
        client.chat.completions.create(model="sandbox-429-ms", messages=MESSAGES)

    assert counts(service, hasty_server, ask) == (3, 3)
