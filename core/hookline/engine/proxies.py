"""Whether the environment wants an origin reached through a proxy."""

from __future__ import annotations

import urllib.request


def proxy_from_environment(scheme: str, host: str) -> str | None:
    """Return the URL of the proxy for a host, or None.

    ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` decide, in either case; where the system
    has settings of its own, those as well.
    """
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    return None if not proxy or urllib.request.proxy_bypass(host) else proxy
