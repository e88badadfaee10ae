"""A gateway with the small service, stored connections, and an upstream that tells who asked it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import orjson

from fake_clock import FakeClock
from hookline import Decision, InboundRequest, Principal, hookimpl
from hookline.gateway import Gateway
from hookline.order import Order
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.upstream import UpstreamRequest, UpstreamResponse
from hookline.webhook.app import create_app
from hookline_connections import ConnectionsPlugin
from hookline_connections.desk import Actor, Desk
from hookline_connections.drafts import Draft
from hookline_credentials import CredentialsPlugin
from hookline_retry import RetryPlugin
from small_service import Acme, Upstream, make_connector, whole

if TYPE_CHECKING:
    from pathlib import Path

    from hookline.routes import Reply
    from hookline_connections.office import Office

OPERATOR = Actor(name="cli:operator")
SCOPES = frozenset({"actions:run", "catalog:read", "connections:admin", "connections:test"})


def caller_of(tenant: str = "default", **more: Any) -> Principal:
    return Principal(key_id=f"key-of-{tenant}", tenant=tenant, scopes=SCOPES, **more)


class Doors:
    """Lets in whoever names a tenant in place of a key."""

    def __init__(self) -> None:
        self.known: dict[str, Principal] = {}

    @hookimpl
    def hookline_authenticate(self, request: InboundRequest) -> Principal | None:
        tenant = request.headers.get("x-api-key", "")
        return self.known.get(tenant) or (caller_of(tenant) if tenant else None)

    @hookimpl
    def hookline_authorize(self, call: Any) -> Decision:
        return Decision(allow=call.principal.has_scope("actions:run"))


Answer = Callable[[UpstreamRequest], UpstreamResponse]


@dataclass
class Service:
    """Answers by host and credential; a script may say otherwise for a host."""

    scripts: dict[str, list[Answer]] = field(default_factory=dict)
    sent: list[tuple[str, str | None]] = field(default_factory=list)

    def answer(self, request: UpstreamRequest) -> UpstreamResponse:
        host = urlsplit(request.url).netloc
        credential = request.headers.get("authorization")
        self.sent.append((host, credential and credential.removeprefix("Bearer ")))
        script = self.scripts.get(host)
        if script:
            return (script.pop(0) if len(script) > 1 else script[0])(request)
        return whole({"text": f"from {host}", "items": []})

    @property
    def hosts(self) -> list[str]:
        return [host for host, _ in self.sent]


@dataclass
class Lab:
    """One gateway and what it is made of."""

    gateway: Gateway
    office: Office
    desk: Desk
    service: Service
    clock: FakeClock
    doors: Doors
    client: Any
    upstream: Upstream

    @property
    def requests(self) -> list[UpstreamRequest]:
        """What was sent, signed."""
        return self.upstream.sent

    def add(self, name: str = "main", *, tenant: str = "", host: str | None = None, **more: Any) -> None:
        """Store a connection to ``https://<host>/v1``, by default a host of its name."""
        more.setdefault("secret", f"sk-{tenant or 'shared'}-{name}")
        host = host or f"{name}.example"
        self.desk.add(
            Draft(tenant=tenant, name=name, connector="acme", base_url=f"https://{host}/v1", **more), OPERATOR
        )

    def say(self, principal: Principal | None = None, **fields: object) -> Reply:
        order = Order(action_id="acme.say", fields={"text": "hi", **fields})
        return self.gateway.runner.run(principal or caller_of(), order)

    def tell(self, principal: Principal | None = None, **fields: object) -> tuple[int, Any]:
        """Return status, and the text or the error's code."""
        reply = self.say(principal, **fields)
        body = orjson.loads(cast("bytes", reply.content))
        return reply.status, body.get("text") or body["error"]["code"]

    def ask(self, principal: Principal | None = None, **fields: object) -> tuple[int, Any]:
        """Call the action that takes any model."""
        order = Order(action_id="acme.ask", fields=dict(fields))
        reply = self.gateway.runner.run(principal or caller_of(), order)
        body = orjson.loads(cast("bytes", reply.content))
        return reply.status, body.get("text") or body["error"]["code"]

    def refuse(self, status: int, **headers: str) -> Answer:
        """Return an answer that refuses; ``_`` in the names of headers stands for ``-``."""
        return lambda request: whole({"no": True}, status=status, **headers)

    def sql(self, statement: str) -> None:
        """Change rows past the gateway, as an intruder in the database could; it counts at once."""
        from sqlalchemy import text

        with self.gateway.database.begin() as connection:
            connection.execute(text(statement))
        self.office.book.expire()

    def audit(self) -> list[dict[str, Any]]:
        """Return what stands in the audit log, oldest first."""
        from sqlalchemy import select

        from hookline.store.tables import AUDIT_EVENTS

        with self.gateway.database.connect() as connection:
            query = select(AUDIT_EVENTS).order_by(AUDIT_EVENTS.c.seq)
            return [dict(row) for row in connection.execute(query).mappings()]

    def post(self, path: str, body: object = None, *, tenant: str = "ada", **headers: str) -> Any:
        return self.client.post(path, json=body, headers={"x-api-key": tenant, **headers})

    def get(self, path: str, *, tenant: str = "ada") -> Any:
        return self.client.get(path, headers={"x-api-key": tenant})

    def delete(self, path: str, *, tenant: str = "ada") -> Any:
        return self.client.delete(path, headers={"x-api-key": tenant})


def open_lab(
    *,
    plugins: tuple[object, ...] = (),
    connections: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    state_dir: Path | None = None,
    random: Callable[[], float] = lambda: 0.5,
    retry: bool = False,
    sandbox: bool = False,
    **options: object,
) -> Lab:
    """Return a gateway with the plugin; close it when you are done."""
    service, clock, doors = Service(), FakeClock(), Doors()
    upstream = Upstream(service.answer)
    connector = make_connector()
    connector.endpoint(
        "ask",
        "POST",
        "/ask",
        input={"type": "object", "properties": {"model": {}, "text": {}}},
        output={"type": "object"},
    )
    connector.endpoint(
        "probe", "GET", "/probe", input={"type": "object"}, output={"type": "object"}, read_only=True
    )
    connector.test = "probe"
    host = PluginHost()
    host.register(doors, name="doors")
    host.register(Acme(connector), name="acme")
    host.register(CredentialsPlugin(), name="credentials")
    if retry:
        host.register(RetryPlugin(random=lambda: 0.0), name="retry")
    host.register(plugin := ConnectionsPlugin(random=random), name="connections")
    for number, extra in enumerate(plugins, start=1):
        host.register(extra, name=f"plugin{number}")
    settings = Settings.model_validate(
        {
            "state_dir": state_dir,
            "connections": connections or {},
            "plugins": {"connections": options},
            "sandbox": sandbox,
        }
    )
    gateway = Gateway(settings, host=host, transport=upstream, environ=environ or {}, clock=clock)
    office: Office = plugin._office
    return Lab(
        gateway=gateway,
        office=office,
        desk=office.desk(),
        service=service,
        clock=clock,
        doors=doors,
        client=create_app(gateway).test_client(),
        upstream=upstream,
    )


def body_of(reply: Reply) -> Any:
    """Return the JSON of a reply."""
    assert isinstance(reply.content, bytes)
    return orjson.loads(reply.content)


def streamed_by(reply: Reply) -> bytes:
    """Return the whole of a stream."""
    assert not isinstance(reply.content, bytes)
    return b"".join(reply.content)
