"""What commands run in: environment variables, and how a gateway is made from them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from hookline.cli.messages import warn

if TYPE_CHECKING:
    from hookline.engine.transport import Transport
    from hookline.gateway import Gateway
    from hookline.plugins import PluginHost
    from hookline.settings import Settings


@dataclass(frozen=True, kw_only=True)
class CommandContext:
    """The surroundings of a command.

    Attributes:
        environ: Environment variables; ``serve`` writes its options into them for its workers.
        make_host: Returns the plugins; those that are installed by default.
        transport: Carries upstream requests; by default the one that the settings name.
    """

    environ: MutableMapping[str, str] = field(default_factory=lambda: os.environ)
    make_host: Callable[[Settings], PluginHost] | None = None
    transport: Transport | None = None

    def load_settings(self) -> Settings:
        """Return the settings.

        Raises:
            ConfigurationError: If one is not valid.
        """
        from hookline.settings import load_settings

        return load_settings(self.environ)

    @contextmanager
    def open_gateway(self, *, sandbox: bool = False, warns: bool = True) -> Iterator[Gateway]:
        """Make a gateway in this process, and close it afterwards.

        Plugins that are not sound are named in warnings. Log lines are kept back: what matters to whoever
        typed the command is printed by the command.

        Args:
            sandbox: Whether calls go to the simulated service, whatever the settings say.
            warns: Whether manifests that are not sound are named, too; not if the command itself lists them.

        Raises:
            ConfigurationError: If a setting or a plugin that is needed is wrong.
        """
        from hookline.gateway import Gateway
        from hookline.settings import load_settings

        environ = {**self.environ, "HOOKLINE_SANDBOX": "true"} if sandbox else self.environ
        settings = load_settings(environ)
        host = self.make_host(settings) if self.make_host else None
        with quiet_logs():
            gateway = Gateway(settings, host=host, transport=self.transport, environ=environ)
            try:
                for name, info in gateway.host.plugins.items():
                    if info.status in ("broken", "refused") and (warns or not name.startswith("manifest:")):
                        warn(f"the plugin {name!r} is not used: {info.problem}")
                yield gateway
            finally:
                gateway.close()


pass_context = click.make_pass_decorator(CommandContext, ensure=True)


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Keep log lines back that nobody asked for."""
    logger = logging.getLogger("hookline")
    handler = logging.NullHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class FailurePlaces(logging.Handler):
    """Notes where the code of plugins failed, for whoever runs it on the own machine; nothing else tells it.

    Use it around a call. Afterwards `last` is the place of the last failure, such as
    ``/home/ada/shout.py:12, in shout``; empty if no code failed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last = ""
        self._logger = logging.getLogger("hookline.calls")

    def emit(self, record: logging.LogRecord) -> None:
        """Note the place of one failure."""
        self.last = getattr(record, "place", "") or self.last

    def __enter__(self) -> FailurePlaces:
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
