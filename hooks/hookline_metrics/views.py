"""``GET /metrics`` in the format that Prometheus reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.exposition import choose_encoder

from hookline import Reply, __version__
from hookline_metrics.plugin_metrics import PluginMetrics

if TYPE_CHECKING:
    from hookline import RouteRegistry, RouteRequest
    from hookline.gateway import Gateway
    from hookline_metrics.call_metrics import CallMetrics

SCOPE = "metrics:read"


class MetricsView:
    """Answers with the numbers of the process that was asked.

    Args:
        gateway: Whose numbers they are.
        calls: Numbers of calls.
        is_public: Whether anybody may read them.
    """

    def __init__(self, gateway: Gateway, calls: CallMetrics, *, is_public: bool) -> None:
        from prometheus_client import Gauge

        self._registry = calls.registry
        self._is_public = is_public
        about = Gauge(
            "hookline_info", "Version of Hookline; the value is 1.", ["version"], registry=self._registry
        )
        about.labels(__version__).set(1)
        self._registry.register(PluginMetrics(gateway.host, gateway.hanging_hooks))

    def add_to(self, routes: RouteRegistry) -> None:
        """Add the route, with its scope or for anybody."""
        if self._is_public:
            routes.add("GET", "/metrics", self.show, public=True)
        else:
            routes.add("GET", "/metrics", self.show, scope=SCOPE)

    def show(self, request: RouteRequest) -> Reply:
        """Return the numbers, in the version of the format that the reader asks for."""
        encode, media_type = choose_encoder(request.inbound.headers.get("accept", ""))
        return Reply(headers=[("content-type", media_type)], content=encode(self._registry))
