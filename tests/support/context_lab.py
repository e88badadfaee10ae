"""A gateway with the real OpenAI connector and the plugin `context`, over an upstream that is a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

import hookline_openai
from fake_clock import FakeClock
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.upstream import UpstreamRequest, UpstreamResponse
from hookline.webhook.app import create_app
from hookline_context import ContextPlugin
from small_service import Allow, Upstream, whole

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

Answer = Callable[[UpstreamRequest], UpstreamResponse]


def words(number: int) -> str:
    """Return a text of so many tokens."""
    return " word" * number


def user(content: object, **more: object) -> dict[str, object]:
    """Return a message of the user."""
    return {"role": "user", "content": content, **more}


def echo(request: UpstreamRequest) -> UpstreamResponse:
    """Answer with what was sent, so that it shows which text reached the service."""
    body: dict[str, Any] = request.body or {}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    if request.path == "/embeddings":
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = [
            {"object": "embedding", "index": index, "embedding": [1.0, float(index)]}
            for index, _ in enumerate(texts)
        ]
        return whole({"object": "list", "model": body["model"], "data": data, "usage": usage})
    if request.path == "/completions":
        choices = [{"index": 0, "text": body["prompt"], "finish_reason": "stop", "logprobs": None}]
        return whole({"id": "cmpl-1", "model": body["model"], "choices": choices, "usage": usage})
    said = body["messages"][-1]["content"]
    message = {"role": "assistant", "content": said if isinstance(said, str) else "Seen.", "refusal": None}
    choices = [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}]
    return whole({"id": "chatcmpl-1", "model": body["model"], "choices": choices, "usage": usage})


def refusal(message: str, *, code: str | None, param: str | None = "messages", status: int = 400) -> Answer:
    """Return a refusal of OpenAI's shape."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return lambda request: whole({"error": error}, status=status)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a caller got."""

    status_code: int
    headers: Headers
    data: bytes

    @property
    def json(self) -> Any:
        """The answer as JSON."""
        return orjson.loads(self.data)


class Lab:
    """One gateway; attempts are answered by the answers in turn, and the last goes on for ever."""

    def __init__(self, *answers: Answer, plugins: tuple[object, ...] = (), **options: Any) -> None:
        self._answers = list(answers) or [echo]
        host = PluginHost()
        host.register(Allow(), name="allow")
        host.register(hookline_openai, name="openai")
        host.register(ContextPlugin(), name="context")
        for number, plugin in enumerate(plugins):
            host.register(plugin, name=f"plugin{number}")
        self.upstream = Upstream(self._next)
        self.gateway = Gateway(
            Settings.model_validate(
                {"plugins": {"context": options}, "limits": {"max_body_bytes": 64 * 1024 * 1024}}
            ),
            host=host,
            transport=self.upstream,
            environ={},
            clock=FakeClock(),
        )
        self._app = create_app(self.gateway)

    @property
    def calls(self) -> int:
        """How many requests the upstream has had."""
        return len(self.upstream.sent)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was sent."""
        return [orjson.loads(request.content or b"null") for request in self.upstream.sent]

    def act(self, verb: str, **fields: object) -> Told:
        """Call an action at the action door."""
        return self._post(f"/actions/openai.{verb}", orjson.dumps(fields))

    def wire(self, path: str, **fields: object) -> Told:
        """Call the wire door."""
        return self._post(f"/v1{path}", orjson.dumps(fields))

    def wire_raw(self, path: str, content: bytes) -> Told:
        """Call the wire door with bytes."""
        return self._post(f"/v1{path}", content)

    def _post(self, path: str, content: bytes) -> Told:
        reply = self._app.test_client().post(path, data=content, content_type="application/json")
        return Told(status_code=reply.status_code, headers=reply.headers, data=reply.data)

    def _next(self, request: UpstreamRequest) -> UpstreamResponse:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer(request)
