"""A live gateway for forms: the OpenAI connector over an upstream that is a function, and the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import orjson

import hookline_openai
import hookline_sandbox
from fake_clock import FakeClock
from hookline import Call, InboundRequest, Principal, Usage, hookimpl
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.webhook.app import create_app
from hookline_auth.guards import bound, check_model, decide
from hookline_credentials import CredentialsPlugin
from hookline_structured import StructuredPlugin
from hookline_trials import TrialsPlugin
from small_service import Acme, Upstream, whole

if TYPE_CHECKING:
    from collections.abc import Generator

    from hookline import Decision, UpstreamRequest, UpstreamResponse

HOST = "http://127.0.0.1"
CREDENTIAL = "sk-the-operators-credential"
SCOPES = frozenset({"actions:run", "catalog:read"})


def caller(key_id: str = "caller", **more: Any) -> Principal:
    return Principal(key_id=key_id, scopes=more.pop("scopes", SCOPES), **more)


class Door:
    """Lets callers in by the name that they send, with the rights that the plugin `auth` would give them."""

    def __init__(self, *principals: Principal) -> None:
        self.known = {one.key_id: one for one in principals}
        self.calls: list[Call] = []
        self.usages: list[Usage | None] = []

    @hookimpl
    def hookline_authenticate(self, request: InboundRequest) -> Principal | None:
        return self.known.get(request.headers.get("x-api-key", "").removeprefix("Bearer "))

    @hookimpl
    def hookline_authorize(self, call: Call) -> Decision | None:
        return decide(call)

    @hookimpl
    def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
        bound(call, request)

    @hookimpl(wrapper=True, trylast=True)
    def hookline_execute(
        self, call: Call, request: UpstreamRequest
    ) -> Generator[None, UpstreamResponse, UpstreamResponse]:
        check_model(call, request)
        return (yield)

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        self.calls.append(call)
        self.usages.append(usage)


def chat_answer(text: str | None = "Hello.", **more: Any) -> dict[str, Any]:
    """Return what the service answers to a chat."""
    finish = more.pop("finish_reason", "stop")
    message = {"role": "assistant", "content": text, "refusal": None, **more.pop("message", {})}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5.4-mini-2026-03-17",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        **more,
    }


def models_answer(*ids: str, **ends: str) -> dict[str, Any]:
    """Return what the service answers when it is asked for its models, the last one the newest."""
    data = [
        {"id": id, "object": "model", "created": number, "owned_by": "system"}
        | ({"shutdown_date": ends[id]} if id in ends else {})
        for number, id in enumerate(ids, start=1)
    ]
    return {"object": "list", "data": data}


class FormsLab:
    """The gateway, its upstream, and clients of it.

    Args:
        answer: Answers upstream requests; a JSON value counts as an answer to all.
        principals: Who may come in, by the ids of their keys.
        plugins: Further plugins by name.
        options: Options of plugins.
        environ: Variables.
        base_url: Where the connection leads; OpenAI itself by default.
    """

    def __init__(
        self,
        answer: Callable[[UpstreamRequest], UpstreamResponse] | object = None,
        *,
        principals: Iterable[Principal] = (),
        plugins: Iterable[tuple[str, object]] = (),
        options: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        base_url: str | None = None,
    ) -> None:
        value = chat_answer() if answer is None else answer
        self.upstream = Upstream(value if callable(value) else lambda request: whole(value))
        self.clock = FakeClock()
        self.door = Door(caller(), *principals)
        host = PluginHost()
        host.register(hookline_openai, name="openai")
        host.register(hookline_sandbox, name="sandbox")
        host.register(CredentialsPlugin(), name="credentials")
        host.register(Acme(), name="acme")
        host.register(self.door, name="door")
        for name, plugin in (
            *plugins,
            ("structured", StructuredPlugin()),
            ("trials", TrialsPlugin()),
        ):
            host.register(plugin, name=name)
        variables = {"HOOKLINE_OPENAI_API_KEY": CREDENTIAL, **(environ or {})}
        if base_url:
            variables["HOOKLINE_OPENAI_BASE_URL"] = base_url
        settings = Settings.model_validate({"plugins": dict(options or {})})
        self.gateway = Gateway(
            settings, host=host, transport=self.upstream, environ=variables, clock=self.clock
        )
        self._app = create_app(self.gateway)
        self.client = self._app.test_client()

    @property
    def sent(self) -> list[UpstreamRequest]:
        """What went to the real service."""
        return self.upstream.sent

    @property
    def bodies(self) -> list[Any]:
        """The bodies of the same."""
        return [orjson.loads(request.content or b"null") for request in self.upstream.sent]

    def get(self, path: str, *, key: str = "caller", **headers: str) -> Any:
        """Return the answer of a GET."""
        return self.client.get(path, headers={"x-api-key": key, **_named(headers)}, base_url=HOST)

    def post(self, path: str, body: Any, *, key: str = "caller", **headers: str) -> Any:
        """Return the answer of a POST."""
        sent = {"x-api-key": key, **_named(headers)}
        return self.client.post(path, json=body, headers=sent, base_url=HOST)

    def openai(self, **headers: str) -> openai.OpenAI:
        """Return the official client of this gateway."""
        http = httpx2.Client(transport=httpx2.WSGITransport(app=self._app))
        return openai.OpenAI(
            api_key="none",
            base_url=f"{HOST}/v1",
            max_retries=0,
            http_client=http,
            default_headers={"x-api-key": "caller", "authorization": "", **_named(headers)},
        )


def events(content: bytes) -> list[Any]:
    """Return the events of a stream, but for its last mark."""
    lines = [line.removeprefix(b"data: ") for line in content.split(b"\n") if line.startswith(b"data: ")]
    return [orjson.loads(line) for line in lines if line != b"[DONE]"]


def chat_stream(text: str) -> bytes:
    """Return the stream by which the service answers a chat, one letter at a time."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5.4-mini"}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": one} for one in text)]
    chunks = [{**head, "choices": [{"index": 0, "delta": one, "finish_reason": None}]} for one in deltas]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return b"".join(b"data: " + orjson.dumps(one) + b"\n\n" for one in chunks) + b"data: [DONE]\n\n"


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
