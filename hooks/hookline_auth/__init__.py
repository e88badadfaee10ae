"""Callers by static API keys: who they are, and that they may run every action."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Call, Decision, InboundRequest, Principal
    from hookline.gateway import Gateway
    from hookline_auth.static_keys import StaticKeys

_log = logging.getLogger("hookline.auth")


class AuthPlugin:
    """Holds the keys of one gateway."""

    def __init__(self) -> None:
        self._keys: StaticKeys | None = None

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the keys of the settings."""
        from hookline_auth.static_keys import StaticKeys

        self._keys = StaticKeys([key.get_secret_value() for key in gateway.settings.api_keys])
        if self._keys.ids:
            _log.info("static keys: %s", ", ".join(self._keys.ids))
        self._check_options(gateway)

    def _check_options(self, gateway: Gateway) -> None:
        """Refuse options of keys that nobody holds, unless other plugins know keys as well."""
        from hookline.errors import ConfigurationError

        if self._keys is None or len(gateway.host.implementations("hookline_authenticate")) > 1:
            return
        for id, plugin in gateway.keys_with_options().items():
            if id not in self._keys.ids:  # it is not repeated: it may be the key itself
                known = ", ".join(self._keys.ids) or "none"
                raise ConfigurationError(
                    f"plugins.{plugin}.keys: no key has one of the ids there. Take the id and not the key; "
                    f"those of your keys: {known}."
                )

    @hookimpl(trylast=True)
    def hookline_authenticate(self, request: InboundRequest) -> Principal | None:
        """Recognise a static key."""
        return None if self._keys is None else self._keys.authenticate(request)

    @hookimpl
    def hookline_authorize(self, call: Call) -> Decision | None:
        """Allow whoever holds the right to run actions."""
        from hookline.principal import Decision

        return Decision(allow=True) if call.principal.has_scope("actions:run") else None
