"""Numbers of plugins: what their hooks took, failed and kept, read when somebody asks for them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from hookline.hook_watch import HangingHook
    from hookline.plugins import PluginHost

_COUNTERS = {
    "calls": "Calls of a plugin's hook.",
    "failures": "Calls of a hook that raised something unexpected or returned a wrong type.",
    "seconds": "Time that a plugin's hook took itself.",
    "slow": "Calls of a hook that took longer than plugins.slow_hook_ms.",
    "hanging": "Calls of a hook that were found not to have returned for plugins.hanging_hook_s.",
}


class PluginMetrics:
    """A collector of Prometheus that reads the counts of a host.

    Args:
        host: The plugins.
        hanging: Returns the calls of hooks that have not returned for too long.
    """

    def __init__(self, host: PluginHost, hanging: Callable[[], list[HangingHook]]) -> None:
        self._host = host
        self._hanging = hanging

    def collect(self) -> Iterator[Metric]:
        """Yield what holds now; labels are names of plugins and hooks."""
        hanging = Counter((hook.plugin, hook.hook) for hook in self._hanging())
        counts = self._host.watch.counts()
        for name, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"hookline_plugin_hook_{name}", text, labels=["plugin", "hook"])
            for count in counts:
                counter.add_metric([count.plugin, count.hook], getattr(count, name))
            yield counter
        gauge = GaugeMetricFamily(
            "hookline_plugin_hook_hanging_now",
            "Calls of a hook that have not returned for plugins.hanging_hook_s.",
            labels=["plugin", "hook"],
        )
        for count in counts:
            gauge.add_metric([count.plugin, count.hook], hanging[count.plugin, count.hook])
        yield gauge
        about = GaugeMetricFamily(
            "hookline_plugin_info",
            "Plugins that are installed; the value is 1.",
            labels=["plugin", "distribution", "version", "status"],
        )
        for info in self._host.plugins.values():
            labels = (info.name, info.distribution, info.version, info.status)
            about.add_metric([_label(label) for label in labels], 1)
        yield about


def _label(value: str | None) -> str:
    """Return a value that can be written: nothing is empty, half a character a question mark."""
    return (value or "").encode(errors="replace").decode()
