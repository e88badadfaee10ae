"""Test steps: the call runs on the sandbox, never at the service, and spends nothing."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from fake_clock import FakeClock
from forms_lab import CREDENTIAL, FormsLab, caller, chat_answer, events
from hookline import Call, Order, Response, hookimpl
from hookline.connections import SANDBOX_BASE_URL
from hookline.gateway import Gateway
from hookline.settings import Settings
from hookline.webhook.app import create_app
from hookline_connections import ConnectionsPlugin
from hookline_limits import LimitsPlugin
from small_service import Upstream, whole

if TYPE_CHECKING:
    from hookline import Connection, UpstreamRequest, UpstreamResponse

ACTIONS: dict[str, dict[str, Any]] = {
    "openai.chat": {"prompt": "Hello"},
    "openai.complete": {"prompt": "Hello"},
    "openai.edit": {"input": "Helo", "instruction": "Mend the spelling."},
    "openai.embed": {"input": "Hello"},
    "openai.moderate": {"input": "Hello"},
    "openai.list_models": {},
}
MODELS = {
    "openai.chat": "gpt-5.4-mini",
    "openai.complete": "gpt-3.5-turbo-instruct",
    "openai.edit": "gpt-5.4-mini",
    "openai.embed": "text-embedding-3-small",
    "openai.moderate": "omni-moderation-latest",
}
WIRE_HI: dict[str, Any] = {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "hi"}]}
HI: dict[str, Any] = {"model": "gpt-5.4-mini", "prompt": "hi"}


def never(request: UpstreamRequest) -> UpstreamResponse:
    raise AssertionError(f"the service was asked: {request.path}")


def body_of(action: str) -> dict[str, Any]:
    model = {"model": MODELS[action]} if action in MODELS else {}
    return {**model, **ACTIONS[action]}


def assert_free(lab: FormsLab) -> None:
    """The last call ran on the sandbox, and took no money."""
    call, usage = lab.door.calls[-1], lab.door.usages[-1]
    assert (call.connection.name, call.connection.is_simulated) == ("sandbox", True)
    assert call.connection.base_url == SANDBOX_BASE_URL
    assert usage is not None
    assert usage.cost_nano_usd == 0
    assert lab.sent == []


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_tried_out_by_a_header(action: str) -> None:
    if action == "openai.complete":
        body = {"model": "sandbox-completion", "prompt": "Hello"}  # the real one is retired
    else:
        body = body_of(action)
    lab = FormsLab(never)

    answer = lab.post(f"/actions/{action}", body, x_hookline_test="1")

    assert answer.status_code == 200, answer.json
    assert answer.headers["x-hookline-test"] == "1"
    assert_free(lab)


@pytest.mark.parametrize("action", [one for one in ACTIONS if one in MODELS])
def test_every_action_with_a_model_is_tried_out_by_the_model_sandbox(action: str) -> None:
    lab = FormsLab(never)

    assert lab.post(f"/actions/{action}", {**ACTIONS[action], "model": "sandbox"}).status_code == 200
    assert_free(lab)


def test_a_test_is_asked_for_in_the_address_too() -> None:
    lab = FormsLab(never)

    assert lab.post("/actions/openai.chat?test=1", HI).status_code == 200
    assert_free(lab)
    assert lab.get("/v1/models?test=yes").status_code == 200
    assert_free(lab)


@pytest.mark.parametrize("value", ["0", "false", "no", "OFF", " ", ""])
def test_a_test_that_is_not_wished_for_is_none(value: str) -> None:
    lab = FormsLab()

    answer = lab.post(f"/actions/openai.chat?test={value}", HI, x_hookline_test=value)

    assert (answer.status_code, len(lab.sent)) == (200, 1)
    assert "x-hookline-test" not in answer.headers


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("", {"x_hookline_test": "maybe"}),
        ("?test=2", {}),
        ("", {"x_hookline_test": "1 1"}),
        ("?test=1", {"x_hookline_test": "0"}),
        ("?test=1", {"x_hookline_test": ""}),
        ("?test=0", {"x_hookline_test": "1"}),
        ("?test=0", {"x_hookline_test": "maybe"}),
    ],
)
def test_a_wish_that_cannot_be_read_costs_nothing(path: str, headers: dict[str, str]) -> None:
    lab = FormsLab(never)

    answer = lab.post(f"/actions/openai.chat{path}", HI, **headers)

    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_test")
    assert answer.json["field"] in ("x-hookline-test", "test")


def test_streams_are_tried_out_at_both_doors() -> None:
    lab = FormsLab(never)

    found = events(lab.post("/actions/openai.chat", {**HI, "stream": True}, x_hookline_test="1").get_data())
    assert found[-1]["type"] == "output"
    assert_free(lab)
    body = {"model": "sandbox", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    assert events(lab.post("/v1/chat/completions", body).get_data())[0]["object"] == "chat.completion.chunk"
    assert_free(lab)


def test_the_official_client_tries_out() -> None:
    lab = FormsLab(never)
    messages: Any = [{"role": "user", "content": "hi"}]

    answer = lab.openai(x_hookline_test="1").chat.completions.create(model="gpt-5.4-mini", messages=messages)

    assert answer.choices[0].message.content
    assert_free(lab)


def test_a_test_is_refused_for_the_same_reasons_as_a_call() -> None:
    small = caller("small", models=("gpt-5.4-mini",), actions=("openai.chat",))
    lab = FormsLab(never, principals=[small, caller("reader", scopes=frozenset({"catalog:read"}))])

    def status(body: dict[str, Any], key: str = "small", action: str = "openai.chat") -> int:
        code: int = lab.post(f"/actions/{action}", body, key=key, x_hookline_test="1").status_code
        return code

    assert status(HI) == 200
    assert status({**HI, "model": "gpt-5.4"}) == 403
    assert status({**HI, "model": "sandbox"}) == 403
    assert status({"prmpt": "hi"}) == 422
    assert status(ACTIONS["openai.moderate"], action="openai.moderate") == 403
    assert status(HI, key="reader") == 403
    assert status(HI, key="nobody") == 401
    assert lab.post("/actions/openai.chat", {**HI, "model": "sandbox"}, key="small").status_code == 403


def test_failures_can_be_provoked_in_a_test() -> None:
    lab = FormsLab(never)

    assert lab.post("/actions/openai.chat", {"model": "sandbox-429", "prompt": "hi"}).status_code == 429
    faulty = lab.post("/actions/openai.chat", HI, x_hookline_test="1", x_sandbox_fault="billing")
    assert faulty.status_code == 402


def test_a_fault_header_alone_reaches_no_sandbox() -> None:
    lab = FormsLab()

    assert lab.post("/actions/openai.chat", HI, x_sandbox_fault="429").status_code == 200
    assert "x-sandbox-fault" not in lab.sent[0].headers


def test_no_header_leads_anywhere_but_to_the_sandbox() -> None:
    """The only thing that a caller can choose is the sandbox in place of the service."""
    lab = FormsLab()
    for value in ("https://evil.example", "http://sandbox.invalid@evil.example", "sandbox"):
        answer = lab.post("/actions/openai.chat", HI, x_hookline_test=value)
        assert answer.status_code == 400
        lab.post(f"/actions/openai.chat?test=0&base_url={value}", HI, x_hookline_connection=value)
    assert {request.base_url for request in lab.sent} == {"https://api.openai.com/v1"}


@pytest.mark.parametrize("base_url", ["https://evil.example/v1", "http://sandbox.invalid.evil.example/v1"])
def test_a_plugin_cannot_call_another_place_simulated(base_url: str) -> None:
    class Liar:
        @hookimpl(tryfirst=True)
        def hookline_choose_connections(self, call: Call) -> list[Connection]:
            from dataclasses import replace

            return [replace(call.connection, base_url=base_url, origin="", is_simulated=True)]

    lab = FormsLab(never)
    lab.gateway.host.register(Liar(), name="liar")

    answer = lab.post("/actions/openai.chat", HI)

    assert (answer.status_code, answer.json["error"]["code"]) == (500, "plugin_failed")


def test_no_credential_goes_to_the_sandbox() -> None:
    seen: list[dict[str, str]] = []

    class Watch:
        @hookimpl(tryfirst=True)
        def hookline_execute(self, request: UpstreamRequest) -> None:
            seen.append(dict(request.headers))

    lab = FormsLab(plugins=[("watch", Watch())])

    lab.post("/actions/openai.chat", HI, x_hookline_test="1")
    lab.post("/actions/openai.chat", HI)

    assert CREDENTIAL not in str(seen[0])
    assert CREDENTIAL in str(seen[1])


def test_what_a_plugin_asks_for_inside_of_a_test_is_tested_too() -> None:
    class Checks:
        @hookimpl
        def hookline_process_response(self, call: Call, response: Response) -> None:
            if call.parent is None:
                call.run("openai.moderate", {"input": "hi"}, as_gateway=True)

    lab = FormsLab(never, plugins=[("checks", Checks())])

    assert lab.post("/actions/openai.chat", HI, x_hookline_test="1").status_code == 200
    assert [call.connection.name for call in lab.door.calls] == ["sandbox", "sandbox"]


def test_an_action_of_a_service_that_the_sandbox_does_not_simulate_gets_a_sample() -> None:
    lab = FormsLab(never)

    answer = lab.post("/actions/acme.say", {"text": "hi"}, x_hookline_test="1")

    assert (answer.status_code, answer.headers["x-hookline-test"]) == (200, "1")
    assert lab.sent == []


def test_tests_can_be_switched_off() -> None:
    lab = FormsLab(whole_of(), options={"trials": {"enabled": False}})

    refused = lab.post("/actions/openai.chat", HI, x_hookline_test="1")
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "tests_not_allowed")
    assert lab.sent == []
    assert lab.post("/actions/openai.chat", {**HI, "model": "sandbox"}).status_code == 200
    assert lab.bodies[-1]["model"] == "sandbox"


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost", "[::1]:9000"])
def test_a_service_on_this_machine_may_be_a_sandbox_itself_and_is_asked(host: str) -> None:
    lab = FormsLab(whole_of(), base_url=f"http://{host}/v1")

    lab.post("/actions/openai.chat", {**HI, "model": "sandbox"})
    assert lab.bodies[0]["model"] == "sandbox"
    lab.post("/actions/openai.chat", HI, x_hookline_test="1")
    assert len(lab.sent) == 1


def test_the_models_that_run_there_can_be_named() -> None:
    lab = FormsLab(whole_of(), options={"trials": {"models": ["try-*"]}})

    lab.post("/actions/openai.chat", {**HI, "model": "sandbox-of-ours"})
    lab.post("/actions/acme.say", {"text": "hi", "model": "try-this"})
    assert len(lab.sent) == 1
    assert lab.bodies[0]["model"] == "sandbox-of-ours"


def whole_of() -> Any:
    return lambda request: whole(chat_answer())


def test_a_test_takes_nothing_of_a_budget_but_counts_as_a_request() -> None:
    limits = {"limits": ["0.000001 usd / day", "1 tokens / hour", "2 requests / hour"]}
    lab = FormsLab(never, plugins=[("limits", LimitsPlugin())], options={"limits": limits})

    codes = [lab.post("/actions/openai.chat", HI, x_hookline_test="1").status_code for _ in range(3)]

    assert codes == [200, 200, 429]


def test_the_ledger_tells_tests_from_other_calls(tmp_path: Any) -> None:
    key = "a-key-for-tests-only-0001"
    settings = Settings.model_validate({"api_keys": [key], "state_dir": tmp_path})
    gateway = Gateway(settings, environ={}, transport=Upstream(never))
    client = create_app(gateway).test_client()

    answer = client.post("/actions/openai.chat", json=HI, headers={"x-api-key": key, "x-hookline-test": "1"})
    gateway.close()

    assert answer.status_code == 200, answer.json
    database = sqlite3.connect(tmp_path / "hookline.sqlite3")
    rows = database.execute("select connection, cost_nano_usd, model from usage_rows").fetchall()
    database.close()
    assert rows == [("default/sandbox", 0, "gpt-5.4-mini")]


def test_several_inputs_and_jobs_are_tried_out_with_every_bundled_plugin(tmp_path: Any) -> None:
    key = "a-key-for-tests-only-0001"
    settings = Settings.model_validate({"api_keys": [key], "state_dir": tmp_path})
    upstream = Upstream(never)
    gateway = Gateway(settings, environ={"OPENAI_API_KEY": CREDENTIAL}, transport=upstream)
    client = create_app(gateway).test_client()
    many = {"model": "gpt-5.4-mini", "items": ["a", {"prompt": "b"}], "max_completion_tokens": 10}
    headers = {"x-api-key": key}

    told = client.post("/actions/openai.chat/estimate", json=many, headers=headers)
    bulk = client.post("/actions/openai.chat?test=1", json=many, headers=headers)
    job = client.post(
        "/actions/openai.chat",
        json=HI,
        headers={**headers, "prefer": "respond-async", "x-hookline-test": "1"},
    )
    gateway.close()

    assert (told.json["count"], told.json["output_tokens"]) == (2, 20)  # type: ignore[index]  # it is an object
    assert [one["status"] for one in bulk.json["items"]] == [200, 200]  # type: ignore[index]  # it is an object
    assert job.status_code == 202
    assert upstream.sent == []


def test_a_key_for_one_connection_may_test(tmp_path: Any) -> None:
    lab = FormsLab(
        never,
        principals=[caller("bound", connections=("main",))],
        plugins=[("connections", ConnectionsPlugin())],
        environ={"HOOKLINE_STATE_DIR": str(tmp_path)},
    )

    assert lab.post("/actions/openai.chat", HI, key="bound", x_hookline_test="1").status_code == 200
    assert_free(lab)


def test_a_wait_that_one_tenant_provoked_holds_no_other_up() -> None:
    from hookline_retry import RetryPlugin

    lab = FormsLab(
        never,
        principals=[caller("oslo", tenant="oslo"), caller("rome", tenant="rome")],
        plugins=[("retry", RetryPlugin())],
        options={"retry": {"max_attempts": 1}},
    )

    lab.post("/actions/openai.chat", HI, key="oslo", x_hookline_test="1", x_sandbox_fault="429")

    assert lab.post("/actions/openai.chat", HI, key="rome", x_hookline_test="1").status_code == 200
    assert {call.connection.id for call in lab.door.calls} == {"oslo/sandbox", "rome/sandbox"}


def test_the_wish_stays_with_an_order_that_runs_elsewhere() -> None:
    seen: list[Order] = []

    class Later:
        @hookimpl
        def hookline_run_order(self, order: Order) -> None:
            seen.append(order)

    lab = FormsLab(never, plugins=[("later", Later())])

    lab.post("/actions/openai.chat?test=1&profile=make", HI)

    assert seen[0].headers["x-hookline-test"] == "1"
    assert dict(seen[0].query) == {"profile": "make"}


KEY = "a-key-for-tests-only-0001"


def without_trials(state_dir: Any, answer: Any) -> Gateway:
    values = {"api_keys": [KEY], "state_dir": state_dir, "plugins": {"disabled": ["trials"]}}
    settings = Settings.model_validate(values)
    return Gateway(settings, environ={"OPENAI_API_KEY": CREDENTIAL}, transport=Upstream(answer))


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("", {"x-hookline-test": "1"}),
        ("?test=1", {}),
        ("?test=1", {"x-hookline-test": "0"}),
        ("", {"x-hookline-test": "maybe"}),
        ("?test=yes&profile=make", {}),
        ("", {"x-hookline-test": "1", "prefer": "respond-async"}),
        ("?test=1", {"prefer": "respond-async"}),
    ],
)
@pytest.mark.parametrize("is_wire", [False, True])
def test_without_the_plugin_a_wish_for_a_test_is_refused_and_nothing_is_sent(
    path: str, headers: dict[str, str], is_wire: bool, tmp_path: Any
) -> None:
    gateway = without_trials(tmp_path, never)
    where, body = ("/v1/chat/completions", WIRE_HI) if is_wire else ("/actions/openai.chat", HI)

    answer = (
        create_app(gateway).test_client().post(where + path, json=body, headers={"x-api-key": KEY, **headers})
    )
    gateway.close()

    assert answer.status_code == 400, answer.json
    assert answer.json is not None
    assert answer.json["error"]["code"] in ("test_not_possible", "invalid_test")


def test_without_the_plugin_a_call_that_is_to_be_no_test_runs(tmp_path: Any) -> None:
    gateway = without_trials(tmp_path, whole_of())
    client = create_app(gateway).test_client()
    headers = {"x-api-key": KEY, "x-hookline-test": "0"}

    assert client.post("/actions/openai.chat?test=0", json=HI, headers=headers).status_code == 200
    gateway.close()


def test_what_a_test_would_cost_is_estimated() -> None:
    assert FormsLab(never).post("/actions/openai.chat/estimate?test=1", HI).status_code == 200


def test_without_a_sandbox_there_are_no_tests() -> None:
    import hookline_openai
    from hookline.plugins import PluginHost
    from hookline_trials import TrialsPlugin
    from small_service import CALLER, Allow

    host = PluginHost()
    for name, plugin in {"openai": hookline_openai, "allow": Allow(), "trials": TrialsPlugin()}.items():
        host.register(plugin, name=name)
    upstream = Upstream(never)
    gateway = Gateway(Settings(), host=host, transport=upstream, environ={}, clock=FakeClock())

    order = Order(action_id="openai.chat", fields=dict(HI), headers={"x-hookline-test": "1"})

    assert gateway.runner.run(CALLER, order).status == 403
    assert upstream.sent == []
