"""A parcel service, and a model, on a port of this machine: what the example is tested against."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "a-key-of-the-parcel-service"
LABEL = b"%PDF-1.4\n% a label\n%%EOF\n"
ADDRESS = {
    "name": "Ada Lovelace",
    "street": "Canal 12",
    "postcode": "1011 AB",
    "city": "Amsterdam",
    "country": "NL",
}
EVENTS = [("08:10 booked\n", "booked"), ("11:45 picked up in Rotterdam\n", "picked_up")]


@dataclass
class Refusal(Exception):  # noqa: N818  # what it is, to the service
    """What the service says when it refuses."""

    status: int
    code: str
    message: str
    more: dict[str, object] = field(default_factory=dict)


@dataclass
class ParcelService:
    """What the service knows and was asked.

    Attributes:
        url: Where it listens.
        parcels: By number.
        asked: Method and target of every request, in order.
        prompts: What the model was asked.
        refuses: Refusals of the next requests.
    """

    url: str = ""
    parcels: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    references: dict[str, str] = field(default_factory=dict)
    refuses: list[Refusal] = field(default_factory=list)

    def book(
        self, *, status: str = "booked", reference: str | None = None, **details: object
    ) -> dict[str, Any]:
        """Return a new parcel, or the one of the same reference."""
        if reference in self.references:
            return self.parcels[self.references[reference]]
        id = f"PL{len(self.parcels) + 1:06}"
        parcel = {"service": "standard", "weight_g": 850, "to": ADDRESS, **details}
        self.parcels[id] = {"id": id, "status": status, **parcel}
        if reference is not None:
            self.references[reference] = id
        return self.parcels[id]

    def find(self, id: str) -> dict[str, Any]:
        """Return a parcel."""
        if id not in self.parcels:
            raise Refusal(404, "unknown", f"There is no parcel {id}.")
        return self.parcels[id]

    def page(self, query: dict[str, str]) -> dict[str, object]:
        """Return a page of parcels, the newest first."""
        found = [
            parcel
            for parcel in reversed(self.parcels.values())
            if query.get("status") in (None, parcel["status"])
        ]
        start, size = int(query.get("cursor", "0")), int(query.get("page_size", "20"))
        more = start + size < len(found)
        return {"data": found[start : start + size], "next_cursor": str(start + size) if more else None}


@contextmanager
def run_service() -> Iterator[ParcelService]:
    """Run the service until the end of the block."""
    service = ParcelService()

    class Handler(_Handler):
        known = service

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    known: ParcelService
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # the base class looks for these names
        self._answer()

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815  # as above

    def log_message(self, format: str, *args: object) -> None: ...

    def _answer(self) -> None:
        service = self.known
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        service.asked.append(f"{self.command} {self.path}")
        try:
            if self.path.startswith("/model/"):
                self._chat(json.loads(body))
                return
            if self.headers.get("x-api-key") != KEY:
                raise Refusal(401, "no_key", "The key is not valid.")
            if service.refuses:
                raise service.refuses.pop(0)
            self._route(json.loads(body) if body else {})
        except Refusal as refusal:
            error = {"code": refusal.code, "message": refusal.message, **refusal.more}
            self._send(refusal.status, {"error": error})

    def _route(self, body: dict[str, Any]) -> None:
        service = self.known
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match self.command, parts.path.strip("/").split("/"):
            case "GET", ["services"]:
                rows = [("express", "Express", 1), ("standard", "Standard", 3)]
                self._send(200, {"data": [{"id": id, "name": name, "days": days} for id, name, days in rows]})
            case "GET", ["parcels"]:
                self._send(200, service.page(query))
            case "POST", ["parcels"]:
                if body["service"] not in ("express", "standard"):
                    message = f"There is no service {body['service']}."
                    raise Refusal(422, "unknown_service", message, {"field": "service"})
                self._send(201, service.book(reference=self.headers.get("idempotency-key"), **body))
            case "GET", ["parcels", id]:
                self._send(200, service.find(id))
            case ("PATCH" | "DELETE") as method, ["parcels", id]:
                parcel = service.find(id)
                if parcel["status"] != "booked":
                    raise Refusal(409, "on_its_way", f"Parcel {id} was picked up already.")
                parcel.update({name: value for name, value in body.items() if value is not None})
                if method == "PATCH":
                    self._send(200, parcel)
                else:
                    parcel["status"] = "cancelled"
                    self._send(204, None)
            case "GET", ["parcels", id, "label"]:
                service.find(id)
                self._send_bytes(200, LABEL if query["format"] == "pdf" else b"", "application/pdf")
            case "GET", ["parcels", id, "events"]:
                parcel = service.find(id)
                if "text/event-stream" in self.headers.get("accept", ""):
                    lines = [json.dumps({"line": line, "status": status}) for line, status in EVENTS]
                    stream = "".join(f"data: {line}\n\n" for line in [*lines, "end"])
                    self._send_bytes(200, stream.encode(), "text/event-stream")
                else:
                    data = [{"line": line} for line, _ in EVENTS]
                    self._send(200, {"data": data, "status": EVENTS[-1][1]})
            case _:
                raise Refusal(404, "no_route", "There is nothing here.")

    def _chat(self, body: dict[str, Any]) -> None:
        self.known.prompts.append("\n".join(str(message["content"]) for message in body["messages"]))
        message = {"role": "assistant", "content": "It was picked up in Rotterdam at 11:45."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self._send(
            200, {"id": "c1", "object": "chat.completion", "model": body["model"], "choices": [choice]}
        )

    def _send(self, status: int, body: object) -> None:
        self._send_bytes(status, b"" if body is None else json.dumps(body).encode(), "application/json")

    def _send_bytes(self, status: int, content: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
