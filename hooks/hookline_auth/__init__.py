"""Who calls, and what they may do: API keys, signed requests, tokens of other issuers, and static keys."""

from __future__ import annotations

import logging
import re
import threading
from typing import TYPE_CHECKING

from hookline import hookimpl
from hookline_auth.guards import bound, check_model, decide

if TYPE_CHECKING:
    from collections.abc import Generator

    import click

    from hookline import (
        Call,
        Decision,
        InboundRequest,
        Principal,
        RouteRegistry,
        UpstreamRequest,
        UpstreamResponse,
        Usage,
    )
    from hookline.gateway import Gateway
    from hookline_auth.callers import Callers

_log = logging.getLogger("hookline.auth")

_WARM_UP_AFTER_S = 1.0
_FOR_NOW = frozenset({429, 503})
_OTHER_IDS = re.compile(r"[a-z2-7]{16}|jwt_[0-9a-f]{20}")


class AuthPlugin:
    """Knows the callers of one gateway."""

    options = "hookline_auth.options:AuthOptions"
    variables = ("HOOKLINE_KEY_PEPPER",)

    def __init__(self) -> None:
        self._callers: Callers | None = None
        self._warm_up: threading.Timer | None = None

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the static keys and the options; the database is left alone until a key comes."""
        from hookline_auth.callers import Callers

        callers = self._callers = Callers(gateway)
        if callers.static.ids:
            _log.info("static keys: %s", ", ".join(callers.static.ids))
        self._check_options(gateway, callers.static.ids)
        gateway.add_readiness_check("keys", callers.check)
        gateway.add_caller_check(callers.has_callers)
        if callers.is_in_use:
            # Loading the database's library takes most of a second: not at the cost of a command that is over
            # by then, nor of the first caller of a server.
            self._warm_up = threading.Timer(_WARM_UP_AFTER_S, callers.warm_up)
            self._warm_up.daemon = True
            self._warm_up.start()

    @hookimpl
    def hookline_shutdown(self) -> None:
        """Begin nothing more."""
        if self._warm_up is not None:
            self._warm_up.cancel()
            self._warm_up.join(_WARM_UP_AFTER_S)

    def _check_options(self, gateway: Gateway, static_ids: list[str]) -> None:
        """Refuse options of keys that nobody can hold, unless other plugins know keys as well."""
        from hookline.errors import ConfigurationError

        if len(gateway.host.implementations("hookline_authenticate")) > 1:
            return
        for id, plugin in gateway.keys_with_options().items():
            if id not in static_ids and not _OTHER_IDS.fullmatch(id):
                known = ", ".join(static_ids) or "none"  # it is not repeated: it may be the key itself
                raise ConfigurationError(
                    f"plugins.{plugin}.keys: no key has one of the ids there. Take the id and not the key; "
                    f"those of your static keys: {known}; `hookline keys list` shows the others."
                )

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        """Add the admin API of keys, and ``GET /audit``."""
        if self._callers is not None:
            from hookline_auth import admin_api, audit_api

            admin_api.add_routes(routes, self._callers)
            audit_api.add_routes(routes)

    @hookimpl
    def hookline_register_commands(self, group: click.Group) -> None:
        """Add ``hookline keys``."""
        from hookline.cli.later import LaterCommand

        group.add_command(
            LaterCommand(
                "keys",
                "hookline_auth.commands:keys",
                short_help="Make, list and end the API keys of callers.",
            )
        )

    @hookimpl(trylast=True)
    def hookline_authenticate(self, request: InboundRequest) -> Principal | None:
        """Recognise a key, a token or a signature."""
        return None if self._callers is None else self._callers.authenticator.authenticate(request)

    @hookimpl(trylast=True)
    def hookline_renew_principal(self, principal: Principal) -> Principal | None:
        """Look up a key again, which may have been changed or revoked."""
        return None if self._callers is None else self._callers.authenticator.renew(principal)

    @hookimpl
    def hookline_authorize(self, call: Call) -> Decision | None:
        """Allow whoever holds the right to run actions, and this one, with this model."""
        return decide(call)

    @hookimpl(wrapper=True, tryfirst=True)
    def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> Generator[None, object, object]:
        """Hold the request to the caller's caps, after all other plugins changed it."""
        result = yield
        bound(call, request)
        return result

    @hookimpl(wrapper=True, trylast=True)
    def hookline_execute(
        self, call: Call, request: UpstreamRequest
    ) -> Generator[None, UpstreamResponse, UpstreamResponse]:
        """Refuse a request for a model that is not the caller's, before anybody answers it."""
        check_model(call, request)
        return (yield)

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        """Let a signed request come again that was turned away for now and not carried out at all."""
        if usage is not None or call.record.status not in _FOR_NOW or call.parent is not None:
            return
        if "webhook-id" in call.headers and self._callers is not None:
            self._callers.replays.give_back(call.principal.key_id, self._callers.noted(call.headers))
