"""The numbers for Prometheus, read by Prometheus's own parser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hookline import Decision, InboundRequest, Principal, hookimpl
from hookline.errors import ConfigurationError
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.webhook.app import create_app
from hookline_metrics import MetricsPlugin
from small_service import Acme, Upstream

if TYPE_CHECKING:
    from flask.testing import FlaskClient

RUN = frozenset({"actions:run", "catalog:read"})


class Door:
    """Lets everybody in, with the scopes given."""

    def __init__(self, scopes: frozenset[str]) -> None:
        self._scopes = scopes

    @hookimpl
    def hookline_authenticate(self, request: InboundRequest) -> Principal:
        return Principal(key_id="ada", scopes=self._scopes)

    @hookimpl
    def hookline_authorize(self) -> Decision:
        return Decision(allow=True)


class Breaks:
    """Fails in every second call."""

    def __init__(self) -> None:
        self._count = 0

    @hookimpl
    def hookline_shape_request(self) -> None:
        self._count += 1
        if self._count % 2 == 0:
            raise KeyError("oops")


def client_of(
    *plugins: object, scopes: frozenset[str] = RUN | {"metrics:read"}, **options: object
) -> FlaskClient:
    host = PluginHost()
    for plugin in (Acme(), Door(scopes), MetricsPlugin(), *plugins):
        name = "metrics" if isinstance(plugin, MetricsPlugin) else type(plugin).__name__.lower()
        host.register(plugin, name=name)
    settings = Settings.model_validate({"plugins": {"metrics": options}})
    return create_app(Gateway(settings, host=host, transport=Upstream(), environ={})).test_client()


def numbers(client: FlaskClient) -> dict[tuple[str, tuple[str, ...]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_calls_are_counted_by_action_door_and_status() -> None:
    client = client_of(Breaks())
    for _ in range(4):
        client.post("/actions/acme.say", json={"text": "hi"})
    client.post("/actions/acme.say", json={"txt": "hi"})

    found = numbers(client)

    assert found["hookline_calls_total", ("acme.say", "action", "200")] == 2
    assert found["hookline_calls_total", ("acme.say", "action", "500")] == 2
    assert found["hookline_calls_total", ("acme.say", "action", "422")] == 1
    assert found["hookline_call_seconds_count", ("acme.say",)] == 5
    assert found["hookline_upstream_attempts_total", ("acme.say",)] == 2


def test_what_a_plugin_did_is_told_by_its_name_and_hook() -> None:
    client = client_of(Breaks())
    for _ in range(4):
        client.post("/actions/acme.say", json={"text": "hi"})

    found = numbers(client)

    labels = ("hookline_shape_request", "breaks")
    assert found["hookline_plugin_hook_calls_total", labels] == 4
    assert found["hookline_plugin_hook_failures_total", labels] == 2
    assert found["hookline_plugin_hook_seconds_total", labels] > 0
    assert found["hookline_plugin_hook_hanging_now", labels] == 0
    assert found["hookline_plugin_info", ("", "breaks", "active", "")] == 1


def test_the_numbers_need_their_scope_or_a_setting() -> None:
    assert client_of(scopes=RUN).get("/metrics").status_code == 403
    assert client_of(scopes=RUN, public=True).get("/metrics").status_code == 200


def test_openmetrics_is_written_for_those_who_ask_for_it() -> None:
    client = client_of()

    plain = client.get("/metrics")
    newer = client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})

    assert plain.headers["content-type"].startswith("text/plain")
    assert newer.headers["content-type"].startswith("application/openmetrics-text")
    assert newer.text.endswith("# EOF\n")


def test_nothing_that_a_caller_sends_becomes_a_label() -> None:
    client = client_of()
    for number in range(50):
        client.post(
            f"/actions/acme.unknown{number}",
            json={"text": "hi"},
            headers={"x-hookline-flow": f"flow{number}"},
        )
        client.post("/actions/acme.say", json={f"field{number}": "hi"})

    text = client.get("/metrics").text

    assert "unknown" not in text
    assert "flow" not in text
    assert "field" not in text
    assert sum(line.startswith("hookline_calls_total{") for line in text.splitlines()) == 1


@pytest.mark.parametrize("buckets", [[], [1.0, 1.0], [2.0, 1.0], [0.0]])
def test_bounds_of_the_histogram_must_grow(buckets: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"plugins\.metrics"):
        client_of(buckets=buckets)


def test_two_gateways_of_one_process_count_for_themselves() -> None:
    one, other = client_of(), client_of()
    one.post("/actions/acme.say", json={"text": "hi"})

    assert ("hookline_calls_total", ("acme.say", "action", "200")) in numbers(one)
    assert ("hookline_calls_total", ("acme.say", "action", "200")) not in numbers(other)


@pytest.mark.parametrize(("version", "shown"), [(None, ""), ("1.\ud800", "1.?"), ('1"\n', '1"\n')])
def test_a_plugin_whose_version_is_no_text_does_not_hide_the_numbers(version: Any, shown: str) -> None:
    host = PluginHost()
    for plugin in (Door(RUN | {"metrics:read"}), MetricsPlugin()):
        host.register(plugin, name="metrics" if isinstance(plugin, MetricsPlugin) else "door")
    host.plugins["door"].version = version
    client = create_app(Gateway(Settings(), host=host, environ={}, transport=Upstream())).test_client()

    answer = client.get("/metrics")

    assert answer.status_code == 200
    found = {
        sample.labels["plugin"]: sample.labels["version"]
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == "hookline_plugin_info"
    }
    assert found["door"] == shown
