"""A gateway with the plugin, over a model that answers what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hookline_redact import RedactPlugin

from hookline import UpstreamRequest, UpstreamResponse
from hookline.testing import GatewayRecipe, GatewayUnderTest

if TYPE_CHECKING:
    from hookline.call import Cancellation
    from hookline.engine.transport import Timeouts

Say = Callable[[str], str]


@dataclass
class Model:
    """A model behind OpenAI's API. It says what ``say`` makes of the last message that it got.

    Attributes:
        sent: Bodies of the requests, the last one at the end.
        say: Makes the answer.
        piece_chars: How many characters each event of a stream brings.
        tool: Arguments with which the model calls a tool instead of answering; made from the last message.
        failures: Statuses of the first answers.
    """

    sent: list[dict[str, Any]] = field(default_factory=list)
    say: Say = lambda text: text
    piece_chars: int = 3
    tool: Say | None = None
    failures: list[int] = field(default_factory=list)

    def send(
        self, request: UpstreamRequest, *, timeouts: Timeouts, cancellation: Cancellation
    ) -> UpstreamResponse:
        body = orjson.loads(request.content or b"{}")
        self.sent.append(body)
        if self.failures:
            return UpstreamResponse.of_json(
                {"error": {"message": "busy"}}, status=self.failures.pop(0), headers=[("retry-after", "0")]
            )
        if "messages" not in body:
            return UpstreamResponse.of_json(self._embeddings(body))
        text = str(body["messages"][-1]["content"])
        if body.get("stream"):
            return UpstreamResponse(
                status=200, headers=[("content-type", "text/event-stream")], chunks=self._stream(text)
            )
        return UpstreamResponse.of_json(self._whole(text))

    def close(self) -> None: ...

    def _embeddings(self, body: dict[str, Any]) -> dict[str, object]:
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = [{"object": "embedding", "index": at, "embedding": [0.5]} for at in range(len(texts))]
        return {
            "object": "list",
            "data": data,
            "model": "m",
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
        }

    def _whole(self, text: str) -> dict[str, object]:
        message: dict[str, object] = {"role": "assistant", "content": self.say(text)}
        if self.tool is not None:
            function = {"name": "send_mail", "arguments": self.tool(text)}
            message |= {
                "content": None,
                "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
            }
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice]}

    def _stream(self, text: str) -> Iterator[bytes]:
        answer = self.say(text) if self.tool is None else self.tool(text)
        pieces = [answer[at : at + self.piece_chars] for at in range(0, len(answer), self.piece_chars)]
        yield _event({"role": "assistant", "content": ""} if self.tool is None else _tool("", id="call_1"))
        for piece in pieces:
            yield _event({"content": piece} if self.tool is None else _tool(piece))
        yield _event({}, finish_reason="stop")
        yield b"data: [DONE]\n\n"


def _tool(arguments: str, **more: object) -> dict[str, object]:
    name = {"name": "send_mail"} if more else {}
    return {
        "tool_calls": [{"index": 0, "type": "function", "function": {**name, "arguments": arguments}, **more}]
    }


def _event(delta: dict[str, object], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


class Lab:
    """The gateway, and short ways to call it."""

    def __init__(self, model: Model, folder: Path, **options: object) -> None:
        self.model = model
        recipe = GatewayRecipe(
            plugins=(RedactPlugin,), settings={"plugins": {"redact": options}}, state_dir=folder
        )
        self.gateway = GatewayUnderTest(recipe, transport=model)
        self.call = self.gateway.call

    def chat(self, prompt: str, *, headers: dict[str, str] | None = None, **fields: object) -> Any:
        """Return the output of a chat through the action door."""
        body = {"model": "m", "prompt": prompt, **fields}
        answer = self.post("/actions/openai.chat", body, headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, path: str, body: object, headers: dict[str, str] | None = None) -> Any:
        every = {**self.gateway.headers, **(headers or {})}
        return self.gateway.client.post(path, json=body, headers=every)

    def wire(self, messages: Sequence[object], **fields: object) -> Any:
        """Return the answer to a chat in OpenAI's own format."""
        answer = self.post("/v1/chat/completions", {"model": "m", "messages": list(messages), **fields})
        assert answer.status_code == 200, answer.text
        return answer

    def last_sent(self) -> str:
        """Return the last request as text."""
        return orjson.dumps(self.model.sent[-1]).decode()


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def make_lab(model: Model, tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Makes a gateway whose plugin has the options given."""
    labs: list[Lab] = []

    def make(**options: object) -> Lab:
        labs.append(Lab(model, tmp_path / f"state-{len(labs)}", **options))
        return labs[-1]

    yield make
    for lab in labs:
        lab.gateway.close()


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """A gateway with the plugin as it comes."""
    return make_lab()
