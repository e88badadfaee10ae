"""A gateway that posts results, a receiver that does what it is told, and jobs that are over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks.webhooks import Webhook

from fake_clock import START, FakeClock
from hookline import Job
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.routes import Reply
from hookline.settings import Settings
from hookline_callbacks import CallbacksPlugin
from hookline_callbacks.signing import show_secret
from scripted_server import WAIT_S, ScriptedServer, answer, serving
from small_service import Acme, Allow, Upstream

if TYPE_CHECKING:
    from pathlib import Path

    from hookline.clock import Clock
    from hookline_callbacks.deliveries import Delivery
    from hookline_callbacks.post_office import PostOffice
    from scripted_server import Peer

OUTPUT = b'{"text":"hello","model":"gpt-5.4-mini"}'


def job(number: int = 1, **changes: Any) -> Job:
    """Return a job that is over, with an answer."""
    values: dict[str, Any] = {
        "id": f"job_{number:032x}",
        "tenant": "acme",
        "key_id": "key1",
        "action_id": "acme.say",
        "call_id": f"call_{number}",
        "state": "done",
        "created_at": START,
        "ended_at": START + timedelta(seconds=40),
        "expires_at": START + timedelta(days=1),
        "reply": Reply(status=200, headers=[("content-type", "application/json")], content=OUTPUT),
    }
    return Job(**{**values, **changes})


@dataclass
class Letter:
    """What a receiver got."""

    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def is_signed_with(self, secret: str) -> bool:
        """Ask the judge for the signature; the time is not judged, because clocks here jump."""
        at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        expected = Webhook(secret).sign(self.id, at, self.content.decode())
        return expected in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """Answers what ``answers`` says, one after another, the last one for ever; None is no answer at all."""

    answers: list[bytes | None] = field(default_factory=lambda: [answer()])
    letters: list[Letter] = field(default_factory=list)
    on_letter: Callable[[], object] = lambda: None
    server: ScriptedServer | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def script(self, peer: Peer, request: bytes) -> bool:
        head, _, content = request.partition(b"\r\n\r\n")
        first, _, fields = head.partition(b"\r\n")
        headers = BytesParser().parsebytes(fields + b"\r\n\r\n")
        letter = Letter(
            first.split(b" ")[1].decode(), {name.lower(): value for name, value in headers.items()}, content
        )
        with self.lock:
            self.letters.append(letter)
            told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.on_letter()
        if told is None:
            return peer.wait_for_end()
        peer.send(told)
        return True

    def wait_for(self, count: int) -> bool:
        """Tell whether so many letters come in time."""
        ends_at = time.monotonic() + WAIT_S
        while len(self.letters) < count and time.monotonic() < ends_at:
            time.sleep(0.01)
        return len(self.letters) >= count

    def url(self, path: str = "/hook?token=secret") -> str:
        assert self.server is not None
        return self.server.url + path


@contextmanager
def receiving(*answers: bytes | None) -> Iterator[Receiver]:
    receiver = Receiver(list(answers) or [answer()])
    with serving(receiver.script) as server:
        receiver.server = server
        yield receiver


@dataclass
class Lab:
    """A gateway with the plugin alone, whose thread does not run: a test says when deliveries are carried."""

    gateway: Gateway
    plugin: CallbacksPlugin
    clock: FakeClock

    @property
    def office(self) -> PostOffice:
        return self.plugin._office

    def take(self, url: str, number: int = 1, **changes: Any) -> Delivery:
        self.plugin.hookline_job_over(job=job(number, callback_url=url, **changes))
        [found] = self.office.deliveries.search(tenant=None, job_id=job(number).id, limit=2)
        return found

    def carry(self, *, after_s: float = 0.0) -> int:
        self.clock.advance(after_s)
        return self.office.courier.run_due()

    def find(self, number: int = 1) -> Delivery:
        [found] = self.office.deliveries.search(tenant=None, job_id=job(number).id, limit=2)
        return found

    def secrets(self, tenant: str = "acme") -> list[str]:
        store = self.office.secrets
        records = store.find(tenant, now_us=self.office.now_us())
        return [show_secret(store.reveal(tenant, record)) for record in records]


def make_lab(
    folder: Path,
    url: str | None = None,
    *,
    clock: Clock | None = None,
    runs: bool = False,
    guard: object | None = None,
    **options: object,
) -> Lab:
    """Return a gateway.

    Args:
        folder: Of its keys.
        url: Of its database; one in the folder by default.
        clock: What time it is.
        runs: Whether its thread may run.
        guard: Lets callers in; everybody as one caller by default.
        options: Of the plugin.
    """
    plugin = CallbacksPlugin()
    host = PluginHost()
    host.register(Acme(), name="acme")
    host.register(guard or Allow(), name="allow")
    host.register(plugin, name="callbacks")
    own = {"allow_loopback": True, "shutdown_s": 2, **options}
    values: dict[str, object] = {"state_dir": str(folder), "plugins": {"callbacks": own}}
    if url is not None:
        values["database_url"] = url
    clock = clock or FakeClock(datetime.now(UTC))  # the judge of signatures goes by the machine's
    gateway = Gateway(
        Settings.model_validate(values), host=host, transport=Upstream(), environ={}, clock=clock
    )
    lab = Lab(gateway, plugin, clock)  # type: ignore[arg-type]  # a real clock where threads run
    if not runs:
        lab.office.courier.close(0)
    return lab


@pytest.fixture
def new_lab(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    with ExitStack() as stack:

        def new(**options: object) -> Lab:
            lab = make_lab(tmp_path, **options)  # type: ignore[arg-type]  # options of the plugin too
            stack.callback(lab.gateway.close)
            return lab

        yield new
