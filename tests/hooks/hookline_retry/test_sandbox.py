"""The plugin before the sandbox inside the gateway, as a builder meets it with `hookline serve --sandbox`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import hookline_openai
import hookline_request_id
import hookline_sandbox
from fake_clock import FakeClock
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.webhook.app import create_app
from hookline_retry import RetryPlugin
from small_service import Allow


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    host = PluginHost()
    for name, plugin in {
        "allow": Allow(),
        "openai": hookline_openai,
        "request_id": hookline_request_id,
        "retry": RetryPlugin(random=lambda: 0.0),
        "sandbox": hookline_sandbox,
    }.items():
        host.register(plugin, name=name)
    made = Gateway(Settings.model_validate({"sandbox": True}), host=host, environ={}, clock=FakeClock())
    yield made
    made.close()


def waits_of(gateway: Gateway) -> list[float]:
    assert isinstance(gateway.clock, FakeClock)
    return gateway.clock.waits


@pytest.mark.parametrize(
    ("fault", "status", "attempts", "waits"),
    [
        ("status-503-times-2", 200, "3", [0.5, 1.0]),
        ("429-retry-after-2-times-1", 200, "2", [2.0]),
        ("status-503-times-3", 502, "3", [0.5, 1.0]),
        ("cut-times-1", 502, None, []),
        ("billing-times-1", 402, None, []),
    ],
)
def test_faults_that_pass_are_survived_where_that_is_safe(
    gateway: Gateway, fault: str, status: int, attempts: str | None, waits: list[float]
) -> None:
    body = {"model": f"sandbox-{fault}", "prompt": "Hi"}

    answer = create_app(gateway).test_client().post("/actions/openai.chat", json=body)

    assert (answer.status_code, answer.headers.get("x-hookline-attempts")) == (status, attempts)
    assert waits_of(gateway) == waits


def test_a_gate_stands_before_the_sandbox_too(gateway: Gateway) -> None:
    client = create_app(gateway).test_client()
    body = {"model": "sandbox-429-retry-after-100", "prompt": "Hi"}

    answers = [client.post("/actions/openai.chat", json=body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [429, 429]
    assert [bool(answer.get_json()["upstream"]) for answer in answers] == [True, False]
    assert waits_of(gateway) == []
