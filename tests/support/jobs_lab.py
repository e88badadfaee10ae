"""A gateway over the small service whose calls may become jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from hookline import hookimpl
from hookline.clock import SYSTEM_CLOCK
from hookline.settings import Settings
from hookline.webhook.app import create_app
from hookline_jobs import JobsPlugin
from hookline_jobs.memory_engine import MemoryEngine
from small_service import CALLER, Upstream, make_gateway, whole

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from hookline import Job, Order, Principal, Reply, UpstreamRequest, UpstreamResponse
    from hookline.clock import Clock
    from hookline.gateway import Gateway
    from hookline_jobs.engine import JobEngine
    from hookline_jobs.office import Office
    from hookline_jobs.options import JobsOptions

SOON_S = 10.0


class Gate:
    """A service that answers when it is let."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.opened = threading.Event()
        self.asked = threading.Semaphore(0)
        self.sent: list[str] = []
        if is_open:
            self.opened.set()

    def __call__(self, request: UpstreamRequest) -> UpstreamResponse:
        text = str((request.body or {}).get("text", ""))
        self.sent.append(text)
        self.asked.release()
        assert self.opened.wait(SOON_S)
        return whole({"text": f"{text}!"})

    def wait_until_asked(self) -> None:
        assert self.asked.acquire(timeout=SOON_S)


class Told:
    """Remembers the jobs whose end it was told of."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    @hookimpl
    def hookline_job_over(self, job: Job) -> None:
        self.jobs.append(job)


def in_memory(gateway: Gateway, options: JobsOptions, worker_id: str) -> JobEngine:
    return MemoryEngine(running=options.running, running_per_lane=options.running_per_connection)


class JobsLab:
    """A gateway with jobs, its HTTP door, and the service behind it."""

    def __init__(
        self,
        *plugins: object,
        answer: Callable[[UpstreamRequest], UpstreamResponse] | None = None,
        options: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        make_engine: Any = in_memory,
        pace: float = 1.0,
    ) -> None:
        self.gate = Gate()
        self.told = Told()
        self.upstream = Upstream(answer or self.gate)
        values = {**(settings or {}), "plugins": {"plugin1": options or {}}}
        self.gateway = make_gateway(
            JobsPlugin(make_engine, pace=pace),
            self.told,
            *plugins,
            upstream=self.upstream,
            settings=Settings.model_validate(values),
            clock=clock,
        )
        self.client: FlaskClient = create_app(self.gateway).test_client()

    @property
    def office(self) -> Office:
        from hookline_jobs.office import office_of

        return office_of(self.gateway)

    def call(
        self,
        text: object = "hi",
        *,
        query: str = "",
        prefer: str = "",
        headers: dict[str, str] | None = None,
        **fields: object,
    ) -> TestResponse:
        """Run ``acme.say``."""
        headers = {**({"prefer": prefer} if prefer else {}), **(headers or {})}
        return self.client.post(f"/actions/acme.say{query}", json={"text": text, **fields}, headers=headers)

    def run(self, order: Order, principal: Principal = CALLER) -> Reply:
        return self.gateway.runner.run(principal, order)

    def result(self, where: str) -> TestResponse:
        """Fetch a result as a platform does: again and again while the answer is 202."""
        until = time.monotonic() + SOON_S
        while (answer := self.client.get(where)).status_code == 202:
            assert time.monotonic() < until, answer.json
            time.sleep(0.01)
        return answer

    def status(self, where: str) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.client.get(f"{where}/status").data)
        return found

    def wait_until_queued(self) -> None:
        """Wait until all jobs that were taken in have a place in the queue."""
        from hookline_jobs.job_table import JobTable

        until = time.monotonic() + SOON_S
        while JobTable(self.gateway.database).to_queue(now_us=0, limit=1):
            assert time.monotonic() < until
            time.sleep(0.01)

    def wait_for(self, where: str, state: str) -> dict[str, Any]:
        until = time.monotonic() + SOON_S
        while (found := self.status(where))["status"] != state:
            assert time.monotonic() < until, found
            time.sleep(0.01)
        return found

    def close(self) -> None:
        self.gate.opened.set()
        self.gateway.close()
