"""One endpoint that is declared as data, called once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from hookline import Connector
from hookline.order import Order
from hookline.settings import Settings
from small_service import CALLER, Acme, Upstream, make_gateway, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.upstream import UpstreamRequest, UpstreamResponse

TEXT: dict[str, Any] = {"type": "string"}
LIST: dict[str, Any] = {"type": "array"}
ANY: dict[str, Any] = {"type": "object"}
FILE: dict[str, Any] = {"type": "string", "contentEncoding": "base64"}

_OURS = {"user-agent", "accept", "accept-encoding", "x-hookline-hops"}


def fields(*names: str, **schemas: Any) -> dict[str, Any]:
    """Return the schema of an input with these fields, texts if nothing else is said, and no others."""
    properties = {**dict.fromkeys(names, TEXT), **schemas}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def declare(**declared: Any) -> Connector:
    """Return a connector ``crm`` with one action ``crm.go``."""
    own: dict[str, Any] = {"credential": None}
    for name, theirs in (
        ("credential", "credential"),
        ("connector_errors", "errors"),
        ("return_headers", "return_headers"),
    ):
        if name in declared:
            own[theirs] = declared.pop(name)
    connector = Connector("crm", title="CRM", base_url="https://crm.example/v2", **own)
    declared.setdefault("path", "/go")
    declared.setdefault("method", "POST")
    if declared.get("answers", "json") == "json":
        declared.setdefault("output", ANY)
    connector.endpoint("go", declared.pop("method"), declared.pop("path"), **declared)
    return connector


@dataclass
class Run:
    """What came of a call."""

    status: int
    content: bytes
    sent: list[UpstreamRequest] = field(default_factory=list)

    @property
    def json(self) -> Any:
        """The answer, without the warnings that every output has."""
        found = orjson.loads(self.content)
        if found.get("warnings") == []:
            del found["warnings"]
        return found

    @property
    def request(self) -> UpstreamRequest:
        """The one request that was sent."""
        assert len(self.sent) == 1
        return self.sent[0]

    @property
    def headers(self) -> dict[str, str]:
        """What was sent besides the gateway's own headers."""
        return {name: value for name, value in self.request.headers.items() if name not in _OURS}


def go(
    given: dict[str, Any],
    /,
    *plugins: object,
    answer: Callable[[UpstreamRequest], UpstreamResponse] = lambda request: whole({}),
    environ: dict[str, str] | None = None,
    settings: dict[str, Any] | None = None,
    **declared: Any,
) -> Run:
    """Declare an endpoint, call it once, and return what was sent and answered."""
    upstream = Upstream(answer)
    gateway = make_gateway(
        *plugins,
        upstream=upstream,
        service=Acme(declare(**declared)),
        environ=environ,
        settings=Settings.model_validate(settings or {}),
    )
    try:
        reply = gateway.runner.run(CALLER, Order(action_id="crm.go", fields=given, call_id="call_1"))
        content = reply.content if isinstance(reply.content, bytes) else b"".join(reply.content)
    finally:
        gateway.close()
    return Run(status=reply.status, content=content, sent=upstream.sent)
