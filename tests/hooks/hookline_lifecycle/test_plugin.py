"""The plugin among others: what it leaves alone, what can be set, and what it costs to have it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import orjson
import pytest

import hookline_openai
from hookline.errors import ConfigurationError
from hookline.gateway import Gateway
from hookline.options import environment_names
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline_lifecycle import LifecyclePlugin
from hookline_lifecycle.missing_endpoints import MissingEndpoints
from hookline_lifecycle.options import LifecycleOptions
from small_service import CALLER, Allow, Upstream, make_gateway, say, whole

if TYPE_CHECKING:
    from tests.hooks.hookline_lifecycle.conftest import Serve

    from hookline.upstream import UpstreamRequest


def gateway_with(options: dict[str, Any], **environ: str) -> Gateway:
    host = PluginHost()
    host.register(Allow(), name="allow")
    host.register(hookline_openai, name="openai")
    host.register(LifecyclePlugin(), name="lifecycle")
    settings = Settings.model_validate({"plugins": {"lifecycle": options}})
    return Gateway(settings, host=host, transport=Upstream(), environ=environ)


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    code = (
        "import sys; import hookline_lifecycle; "
        "print([name for name in ('pydantic', 'httpx', 'rich', 'flask', 'orjson') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.strip() == "[]"


def test_it_stands_without_the_connector_and_leaves_others_alone() -> None:
    sent: list[UpstreamRequest] = []

    def answer(request: UpstreamRequest) -> Any:
        sent.append(request)
        return whole({"text": "hello"})

    gateway = make_gateway(LifecyclePlugin(), answer=answer)
    reply = gateway.runner.run(CALLER, say("hi"))
    assert reply.status == 200
    assert [one.body for one in sent] == [{"text": "hi"}]
    gateway.close()


def test_a_plugin_that_no_gateway_started_does_nothing(serve: Serve) -> None:
    served = serve()
    call = call_of(served)
    request = request_for_gpt_4()
    plugin = LifecyclePlugin()
    plugin.hookline_shape_request(call, request)
    assert request.body == {"model": "gpt-4"}
    assert plugin.hookline_retry(call, None) is None  # type: ignore[arg-type]  # it must not be looked at


def call_of(served: Any) -> Any:
    from hookline.call import Call

    gateway = served.gateway
    return Call(
        action=gateway.catalog.find("openai.chat"),
        principal=CALLER,
        connection=gateway.connections["openai"],
        input={},
        deadline=1e12,
    )


def request_for_gpt_4() -> UpstreamRequest:
    from hookline.upstream import UpstreamRequest

    return UpstreamRequest(
        method="POST", base_url="https://x", path="/chat/completions", body={"model": "gpt-4"}
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"on_retired": "ignore"}, "plugins.lifecycle: `on_retired`"),
        ({"on_unsupported": "replace"}, "plugins.lifecycle: `on_unsupported`"),
        ({"legacy_completions": True}, "plugins.lifecycle: `legacy_completions`"),
        ({"replacements": ["gpt-4"]}, "plugins.lifecycle: `replacements`"),
        ({"replacements": {"gpt-4": 5}}, "plugins.lifecycle: `replacements.gpt-4`"),
        ({"on_retire": "pass"}, "Did you mean `on_retired`?"),
        ({"actions": {"openai.chat": {"on_retired": "no"}}}, 'plugins.lifecycle.actions."openai.chat"'),
    ],
    ids=str,
)
def test_a_setting_that_is_not_right_keeps_the_gateway_from_starting(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        gateway_with(options)
    assert words in caught.value.message


def test_settings_come_from_the_environment_too() -> None:
    gateway = gateway_with(
        {}, HOOKLINE_LIFECYCLE_ON_RETIRED="replace", HOOKLINE_LIFECYCLE_ON_UNSUPPORTED="drop"
    )
    base = gateway.options_of(LifecycleOptions).base
    assert (base.on_retired, base.on_unsupported, base.legacy_completions) == ("replace", "drop", "auto")
    gateway.close()
    assert "HOOKLINE_LIFECYCLE_REPLACEMENTS" not in environment_names(LifecycleOptions, name="lifecycle")


def test_it_can_be_switched_off_for_some_calls(serve: Serve) -> None:
    served = serve(actions={"openai.chat": {"enabled": False}, "openai.complete": {"enabled": False}})
    reply = served.chat("gpt-4", temperature=3, max_tokens=1)
    assert (reply.status_code, "sunset" in reply.headers) == (200, False)
    assert served.wire("/completions", model="gpt-5.4", prompt="hi").status_code == 200
    assert [(path, body["model"]) for path, body in served.sent] == [
        ("/chat/completions", "gpt-4"),
        ("/completions", "gpt-5.4"),
    ]
    assert served.wire("/edits", model="gpt-4", instruction="x").status_code == 404


def test_the_sub_call_of_another_plugin_is_served_by_the_same_rules(serve: Serve) -> None:
    from hookline import hookimpl

    class Asker:
        @hookimpl(trylast=True)
        def hookline_process_response(self, call: Any) -> None:
            if call.parent is None and call.action.id == "openai.chat":
                call.run("openai.chat", {"model": "gpt-4", "prompt": "again"}, as_gateway=True)

    served = serve(plugins=(Asker(),), on_retired="replace")
    assert served.act("chat", model="gpt-5.4", prompt="hi").status_code == 200
    assert [body["model"] for _, body in served.sent] == ["gpt-5.4", "gpt-5.6-sol"]


def test_an_error_names_the_field_that_the_caller_filled_in(serve: Serve) -> None:
    def refuse(param: str | None) -> Any:
        error = {"message": "No.", "type": "invalid_request_error", "param": param, "code": "invalid_value"}
        return lambda request: whole({"error": error}, status=400)

    def field(param: str | None, verb: str, **fields: object) -> object:
        served = serve(refuse(param))
        found: object = served.act(verb, model="gpt-5.4", **fields).json["field"]
        assert len(served.sent) == 1
        return found

    assert field("max_completion_tokens", "chat", prompt="hi", max_tokens=5) == "max_tokens"
    assert (
        field("max_completion_tokens", "chat", prompt="hi", max_completion_tokens=5)
        == "max_completion_tokens"
    )
    assert field("messages[1].content", "complete", prompt="hi") == "prompt"
    assert field("messages", "chat", messages=[{"role": "user", "content": "hi"}]) == "messages"
    assert field("messages", "chat", messages=[{"role": "user", "content": "hi"}], prompt="x") == "messages"
    assert field("temperature", "chat", prompt="hi") == "temperature"
    assert field(None, "complete", prompt="hi") is None


def test_what_is_missing_is_remembered_within_bounds() -> None:
    missing = MissingEndpoints()
    assert not missing.knows("c", "m", now_s=0.0)
    missing.remember("c", "m", now_s=0.0)
    assert missing.knows("c", "m", now_s=3599.0)
    assert not missing.knows("c", "m", now_s=3600.0)
    assert not missing.knows("c", "other", now_s=0.0)
    assert not missing.knows("other", "m", now_s=0.0)
    missing.remember("c", "x" * 201, now_s=0.0)
    assert not missing.knows("c", "x" * 201, now_s=0.0)
    for number in range(2500):
        missing.remember("c", str(number), now_s=0.0)
    assert sum(missing.knows("c", str(number), now_s=0.0) for number in range(2500)) <= 1000
    assert missing.knows("c", "2499", now_s=0.0)


def test_a_body_is_changed_in_a_copy(serve: Serve) -> None:
    served = serve(on_unsupported="drop")
    content = orjson.dumps(
        {"model": "gpt-6.1-sol", "messages": [], "max_tokens": 5, "stop": "x", "note": "ü"}
    )
    reply = served.client.post("/v1/chat/completions", data=content, content_type="application/json")
    assert reply.status_code == 200
    assert served.sent[0][1] == {
        "model": "gpt-6.1-sol",
        "messages": [],
        "max_completion_tokens": 5,
        "note": "ü",
    }


def test_what_needs_no_change_goes_out_byte_by_byte(serve: Serve) -> None:
    served = serve()
    content = b'{"model":  "gpt-5.4","messages":[ ], "temperature": 1.0, "temperature_": 1e0}'
    assert (
        served.client.post("/v1/chat/completions", data=content, content_type="application/json").status_code
        == 200
    )
    assert served.recorder.sent[0].content == content
