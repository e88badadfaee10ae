"""A Flask application with one route that does nothing: the most that this server and framework can do.

Run as ``python tests/benchmarks/empty.py`` with ``HOOKLINE_PORT`` set. It is served by the gateway's own
`hookline.webhook.server.serve`, so its granian options are the gateway's, whatever they become.
"""

from __future__ import annotations

from unittest import mock

from flask import Flask, Response

from hookline.settings import load_settings
from hookline.webhook import server


def create_app() -> Flask:
    """Return the application of one worker process."""
    app = Flask("empty", static_folder=None)

    @app.post("/v1/chat/completions")
    def answer() -> Response:
        return Response(b"{}", content_type="application/json")

    @app.get("/readyz")
    def show_readiness() -> Response:
        return Response(b"{}", content_type="application/json")

    return app


def main() -> None:
    """Serve `create_app` the way the gateway is served."""
    with mock.patch.object(server, "create_worker_app", create_app):
        server.serve(load_settings().server)


if __name__ == "__main__":
    main()
