"""A gateway over the OpenAI connector and the sandbox, all in one process, and the official client."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import orjson

import hookline_openai
import hookline_sandbox
from hookline import Call, Decision, InboundRequest, Principal, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.webhook.app import create_app
from small_service import CALLER

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.usage import Usage

IN_PROCESS = "http://sandbox.invalid/v1"
_HOST = "http://127.0.0.1"


@dataclass
class Ledger:
    """Lets one caller in, and remembers what calls sent and took."""

    principal: Principal = CALLER
    calls: list[Call] = field(default_factory=list)
    usages: list[Usage | None] = field(default_factory=list)
    sent: list[JsonObject] = field(default_factory=list)

    @hookimpl(trylast=True)
    def hookline_authenticate(self, request: InboundRequest) -> Principal:
        return self.principal

    @hookimpl
    def hookline_authorize(self) -> Decision:
        return Decision(allow=True)

    @hookimpl(wrapper=True)
    def hookline_execute(
        self, request: UpstreamRequest
    ) -> Generator[None, UpstreamResponse, UpstreamResponse]:
        if request.content is not None:
            self.sent.append(orjson.loads(request.content))
        return (yield)

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        self.calls.append(call)
        self.usages.append(usage)


class OpenAILab:
    """A gateway with the connector and the plugins given.

    Args:
        plugins: By name.
        principal: Who calls.
        environ: Further settings.
    """

    def __init__(
        self,
        plugins: Iterable[tuple[str, object]] = (),
        *,
        principal: Principal = CALLER,
        environ: Mapping[str, str] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.ledger = Ledger(principal=principal)
        host = PluginHost()
        host.register(hookline_openai, name="openai")
        host.register(hookline_sandbox, name="sandbox")
        for name, plugin in plugins:
            host.register(plugin, name=name)
        host.register(self.ledger, name="ledger")
        settings = settings or Settings()
        variables = {"HOOKLINE_OPENAI_BASE_URL": IN_PROCESS, **(environ or {})}
        self.gateway = Gateway(settings, host=host, environ=variables)
        self._app = create_app(self.gateway)

    @property
    def usage(self) -> Usage | None:
        """What the last call took, as it was recorded."""
        return self.ledger.usages[-1]

    @property
    def sent(self) -> JsonObject:
        """The last body that went to the service."""
        return self.ledger.sent[-1]

    def client(self) -> openai.OpenAI:
        """Return the official client of this gateway."""
        http = httpx2.Client(transport=httpx2.WSGITransport(app=self._app))
        return openai.OpenAI(api_key="none", base_url=f"{_HOST}/v1", max_retries=0, http_client=http)

    def post(self, path: str, body: JsonObject) -> tuple[int, bytes]:
        """Return status and content of the answer to a body."""
        answer = self._app.test_client().post(path, json=body, base_url=_HOST)
        return answer.status_code, answer.get_data()

    def events(self, path: str, body: JsonObject) -> list[Any]:
        """Return what a stream brings, but for its last mark."""
        status, content = self.post(path, body)
        assert status == 200, content
        lines = [line.removeprefix(b"data: ") for line in content.split(b"\n") if line.startswith(b"data: ")]
        return [orjson.loads(line) for line in lines if line != b"[DONE]"]
