"""Numbers for Prometheus at ``GET /metrics``: calls, their times, and what each plugin took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Call, RouteRegistry, Usage
    from hookline.gateway import Gateway
    from hookline_metrics.call_metrics import CallMetrics
    from hookline_metrics.views import MetricsView


class MetricsPlugin:
    """Counts for one gateway in one process."""

    options = "hookline_metrics.options:MetricsOptions"

    def __init__(self) -> None:
        self._calls: CallMetrics | None = None
        self._view: MetricsView | None = None

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Begin to count."""
        from hookline_metrics.call_metrics import CallMetrics
        from hookline_metrics.options import MetricsOptions
        from hookline_metrics.views import MetricsView

        options = gateway.options_of(MetricsOptions).base
        self._calls = CallMetrics(buckets=options.buckets)
        self._view = MetricsView(gateway, self._calls, is_public=options.public)

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        """Add ``GET /metrics``."""
        if self._view is not None:
            self._view.add_to(routes)

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        """Count a call that is over."""
        if self._calls is not None:
            self._calls.record(call, usage)
