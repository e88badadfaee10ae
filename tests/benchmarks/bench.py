"""Gateways inside this process that differ in what they have stored, and calls through them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.inside import FixedTransport, make_environ

from hookline import Decision, InboundRequest, Principal, hookimpl
from hookline.gateway import Gateway, load_plugins
from hookline.settings import load_settings
from hookline.webhook import app


class Everybody:
    """Takes every request for one caller's."""

    _yes = Decision(allow=True)

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    @hookimpl
    def hookline_authenticate(self, request: InboundRequest) -> Principal:
        """Return the caller."""
        return self._principal

    @hookimpl
    def hookline_authorize(self) -> Decision:
        """Allow."""
        return self._yes


class Bench:
    """A gateway with a folder, inside this process.

    Args:
        folder: Where its state is; None for none.
        principal: Who calls; None for callers with keys.
        plugins: More plugins, by name; each takes the place of the bundled one.
        environ: More environment variables.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        principal: Principal | None = None,
        plugins: dict[str, object] | None = None,
        **environ: str,
    ) -> None:
        replaced = [*(plugins or {}), *(["auth"] if principal is not None else [])]
        variables = {
            "HOOKLINE_OPENAI_API_KEY": "benchmark-credential",
            "HOOKLINE_OPENAI_BASE_URL": "https://api.openai.com/v1",  # never reached
            "HOOKLINE_DISABLED_PLUGINS": ",".join(replaced),
            "HOOKLINE_LIMITS_STORE": "memory",
            **({} if folder is None else {"HOOKLINE_STATE_DIR": str(folder)}),
            **environ,
        }
        settings = load_settings(variables)
        host = load_plugins(settings)
        if principal is not None:
            host.register(Everybody(principal), name="everybody")
        for name, plugin in (plugins or {}).items():
            host.register(plugin, name=name)
        self.gateway = Gateway(settings, host=host, transport=FixedTransport(), environ=variables)
        self._application = app.create_app(self.gateway)

    def call(
        self,
        path: str,
        body: bytes = b"",
        *,
        key: str = "",
        method: str = "POST",
        status: str = "200",
        **headers: str,
    ) -> list[tuple[str, str]]:
        """Make one call and return the headers of its answer.

        Raises:
            RuntimeError: If the answer has another status.
        """
        came: list[tuple[str, list[tuple[str, str]]]] = []

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: object = None
        ) -> Callable[[bytes], object]:
            came.append((status, headers))
            return lambda data: None

        environ = {**make_environ(path, body, key), "REQUEST_METHOD": method, **headers}
        content = b"".join(self._application.wsgi_app(environ, start))
        if not came[0][0].startswith(status):
            raise RuntimeError(f"{path}: {came[0][0]}: {content[:300]!r}")
        return came[0][1]

    def close(self) -> None:
        """Close the gateway."""
        self.gateway.close()
