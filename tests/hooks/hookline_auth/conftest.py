"""A gateway whose callers hold keys, with a clock that goes only when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fake_clock import FakeClock
from hookline.errors import HooklineError
from hookline.principal import InboundRequest, Principal
from hookline.settings import Settings
from hookline_auth import AuthPlugin
from hookline_auth.desk import Actor, Made, operator
from hookline_auth.wanted import KeyChange, NewKey, read
from servers import database_url, postgres_server, postgres_url
from small_service import Upstream, make_gateway

if TYPE_CHECKING:
    from hookline_auth.callers import Callers

__all__ = ["database_url", "postgres_server", "postgres_url"]

CLIENT = "192.0.2.7"


@dataclass
class Refusal:
    """What came instead of a principal."""

    error: HooklineError

    @property
    def code(self) -> str:
        return self.error.code


class Lab:
    """One gateway, and what a test does with it."""

    def __init__(
        self,
        *plugins: object,
        state_dir: Path | None = None,
        clock: FakeClock | None = None,
        environ: Mapping[str, str] | None = None,
        upstream: Upstream | None = None,
        database_url: str | None = None,
        api_keys: tuple[str, ...] = (),
        **options: object,
    ) -> None:
        self.clock = clock or FakeClock()
        self.plugin = AuthPlugin()
        self.upstream = upstream or Upstream()
        values = {
            "api_keys": api_keys,
            "plugins": {"plugin1": options} if options else {},
            "state_dir": state_dir,
            "database_url": database_url,
        }
        self.gateway = make_gateway(
            self.plugin,
            *plugins,
            settings=Settings.model_validate(values),
            open_to_all=False,
            clock=self.clock,
            environ=environ,
            upstream=self.upstream,
        )
        assert self.plugin._callers is not None
        self.callers: Callers = self.plugin._callers
        self.queries: list[str] = []

    def make(self, maker: Made | None = None, *, tenant: str | None = None, **wanted: object) -> Made:
        """Make a key, as the command line does."""
        maker_id = None if maker is None else maker.record.id
        return self.callers.desk.create(read(NewKey, wanted), operator(), tenant=tenant, maker_id=maker_id)

    def change(self, made: Made, **wanted: object) -> Made:
        return self.callers.desk.change(made.record.id, read(KeyChange, wanted), operator(), grace_s=3600)

    def ask(self, key: Made | str, *, client: str = CLIENT, **headers: Any) -> Principal:
        """Return whom the gateway takes the sender of a request for."""
        return self.gateway.pipeline.authenticate(request_of(key, client=client, **headers))

    def refusal(self, key: Made | str, *, client: str = CLIENT, **headers: Any) -> HooklineError:
        with pytest.raises(HooklineError) as caught:
            self.ask(key, client=client, **headers)
        return caught.value

    def refusals(self) -> list[dict[str, object]]:
        """Return what the audit log has of refused credentials, oldest first; nothing is noted afterwards."""
        self.gateway.audit.close()
        return [{"target": one["target"], "tenant": one["tenant"], **one["details"]} for one in self.events()]

    def events(self, action: str = "auth.refused") -> list[dict[str, Any]]:
        """Return what the audit log has of an action, oldest first."""
        entries = self.gateway.audit.entries(action=action, limit=1000)
        return [one.as_json() for one in reversed(entries)]

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """Give a list that every statement sent to the database is appended to."""
        from sqlalchemy import event

        statements: list[str] = []

        def note(*arguments: object) -> None:
            statements.append(str(arguments[2]))

        with self.gateway.database.connect() as connection:
            engine = connection.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            event.remove(engine, "before_cursor_execute", note)


def request_of(key: Made | str, *, client: str = CLIENT, body: bytes = b"", **headers: Any) -> InboundRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(key, Made):
        assert key.key is not None
        key = key.key.reveal()
    if key:
        named["authorization"] = f"Bearer {key}"
    return InboundRequest(
        method="POST", path="/actions/acme.say", headers=named, client=client, read_body=lambda: body
    )


MakeLab = Callable[..., Lab]


@pytest.fixture
def make_lab() -> Iterator[MakeLab]:
    """Make labs, and close them afterwards."""
    made: list[Lab] = []

    def make(*plugins: object, **more: object) -> Lab:
        made.append(Lab(*plugins, **more))  # type: ignore[arg-type]  # handed on as they are
        return made[-1]

    yield make
    for lab in made:
        lab.gateway.close()


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    """A gateway with everything in memory."""
    return make_lab()


@pytest.fixture
def actor_of() -> Callable[[Made], Actor]:
    """Return whoever acts with a key."""

    def actor(made: Made) -> Actor:
        return Actor(name=made.record.id, client=CLIENT, key_id=made.record.id, tenant=made.record.tenant)

    return actor
