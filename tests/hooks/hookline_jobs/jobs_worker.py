"""A process that takes in and runs jobs until it is killed: one JSON object a line in, one a line out.

``{"do": "ask", "texts": [...], "action": "acme.say"}`` asks for a job each. ``{"do": "result", "id": ID}``
tells its status and body. The service notes each request in a file, then takes a moment to answer.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

from typing import TYPE_CHECKING

import orjson

from hookline import Connector, Order
from hookline.settings import Settings
from hookline_jobs import JobsPlugin
from small_service import CALLER, TEXT, Acme, Upstream, make_connector, make_gateway, whole

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest, UpstreamResponse


def make_service() -> Connector:
    """Return the small service with an action that may be repeated without harm."""
    connector = make_connector()
    connector.endpoint(
        "count",
        "POST",
        "/count",
        input=TEXT,
        output={"type": "object"},
        request=TEXT,
        idempotent=True,
    )
    return connector


def main() -> None:
    where, notes, takes_s, running = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        text = str((request.body or {})["text"])
        descriptor = os.open(notes, os.O_APPEND | os.O_WRONLY | os.O_CREAT)
        os.write(descriptor, f"{text}\n".encode())
        os.close(descriptor)
        time.sleep(takes_s)
        return whole({"text": f"{text}!"})

    gateway = make_gateway(
        JobsPlugin(),
        upstream=Upstream(answer),
        service=Acme(make_service()),
        settings=Settings.model_validate(
            {
                "database_url": where,
                "content_key": sys.argv[5],
                "plugins": {"plugin1": {"running": running, "dead_after_s": 2}},
            }
        ),
    )
    gateway.start_background()
    print(json.dumps({"ready": os.getpid()}), flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        if told["do"] == "ask":
            ids = []
            for text in told["texts"]:
                order = Order(
                    action_id=told.get("action", "acme.say"),
                    fields={"text": text},
                    headers={"prefer": "respond-async"},
                )
                reply = gateway.runner.run(CALLER, order)
                assert isinstance(reply.content, bytes)
                ids.append(orjson.loads(reply.content)["id"])
                print(json.dumps({"accepted": ids[-1]}), flush=True)
            print(json.dumps({"asked": ids}), flush=True)
        else:
            break
    gateway.close()


if __name__ == "__main__":
    main()
