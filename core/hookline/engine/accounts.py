"""Which upstream account a call uses, and the credential that goes with it: never one of somebody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hookline.call import use_connection
from hookline.code_action import CODE_BASE_URL
from hookline.connection import Connection, Secret, origin_of
from hookline.connections import SANDBOX_BASE_URL
from hookline.credential import OAuth2Credential
from hookline.engine.outgoing import origin_of_request
from hookline.errors import (
    ConfigurationError,
    PermissionDeniedError,
    PluginError,
    UpstreamCredentialError,
)

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.plugins import PluginHost
    from hookline.upstream import UpstreamRequest

MakeFault = Callable[[str, str], PluginError]


class Accounts:
    """Asks the plugins for accounts and credentials, and checks what they answer.

    What they raise is raised on.

    Args:
        host: The plugins.
        fault: Makes the error for what a plugin did wrong.
    """

    def __init__(self, host: PluginHost, *, fault: MakeFault) -> None:
        self._hook = host.calls
        self._has_choosers = host.has("hookline_choose_connections")
        self._fault = fault

    def choose(self, call: Call) -> None:
        """Give a call the account that plugins choose, or else that of the settings.

        Raises:
            PermissionDeniedError: If there is none that the caller may use.
        """
        found: object = None
        if self._has_choosers:
            found = self._hook.hookline_choose_connections(call=call)
        if found is None:
            found = (call.connection,)
        if not isinstance(found, (list, tuple)):
            raise self._fault("hookline_choose_connections", "returned something other than connections")
        for connection in found:
            if not isinstance(connection, Connection):
                raise self._fault("hookline_choose_connections", "returned something other than connections")
        if not found:
            raise PermissionDeniedError(f"This key has no connection for {call.action.id}.")
        if call.action.code is not None and not found[0].is_simulated:
            return  # code goes nowhere; what it runs inside has accounts of its own
        for connection in found:
            self._check(call, connection)
        use_connection(call, found[0], alternatives=tuple(found))

    def sign(self, call: Call, request: UpstreamRequest) -> Secret | None:
        """Put the credential of the call's account on a request that is about to be sent.

        Returns:
            What was put there; None if the request goes without.

        Raises:
            UpstreamCredentialError: If the account needs one and nobody knows it.
            ConfigurationError: If it may not be sent where the request goes.
        """
        if call.action.connector.credential is None or call.connection.is_simulated:
            return None
        if call.action.code is not None:
            return None  # no credential is handed to code
        connection = call.connection
        secret = self._hook.hookline_resolve_credential(call=call, connection=connection)
        if secret is None:
            if connection.needs_credential:
                raise UpstreamCredentialError(
                    f"The credential of the connection {connection.name!r} is not to be found.",
                    hint="Your key for this gateway is fine. Whoever runs it must see to the connection.",
                    code="missing_credential",
                    reached_upstream=False,
                )
            return None
        if not isinstance(secret, Secret):
            raise self._fault("hookline_resolve_credential", "returned something other than a Secret")
        if origin_of_request(request) not in secret.allowed_origins:
            raise _misdirected()
        wanted = call.action.connector.credential
        if isinstance(wanted, OAuth2Credential):
            secret = self._exchange(call, secret, wanted)
            if origin_of_request(request) not in secret.allowed_origins:
                raise _misdirected()
        done = self._hook.hookline_apply_upstream_auth(call=call, request=request, secret=secret)
        if done is not True:
            raise ConfigurationError(
                f"No plugin knows how to sign a request to {call.action.connector.id!r}."
            )
        if origin_of_request(request) not in secret.allowed_origins:
            raise _misdirected()
        return secret

    def _exchange(self, call: Call, secret: Secret, wanted: OAuth2Credential) -> Secret:
        """Return the access token for a stored credential.

        From here on the credential may be sent to the connector's token address alone, which no input and no
        setting of an account can change, and the token only where the credential itself was bound to.
        """
        stored = Secret(secret.reveal(), allowed_origins=frozenset({origin_of(wanted.token_url)}))
        token = self._hook.hookline_exchange_credential(call=call, connection=call.connection, secret=stored)
        if token is None:
            raise ConfigurationError(
                f"No plugin fetches access tokens for {call.action.connector.id!r}; is `oauth` switched off?"
            )
        if not isinstance(token, Secret):
            raise self._fault("hookline_exchange_credential", "returned something other than a Secret")
        if not token.allowed_origins <= secret.allowed_origins:
            raise self._fault(
                "hookline_exchange_credential", "bound a token to origins that the account is not bound to"
            )
        return token

    def _check(self, call: Call, connection: Connection) -> None:
        if connection.connector != call.action.connector.id:
            raise self._fault("hookline_choose_connections", "chose a connection of another connector")
        if connection.tenant not in (None, call.principal.tenant):
            raise self._fault("hookline_choose_connections", "chose a connection of another tenant")
        if connection.is_simulated:  # nothing is spent there, so it is nobody's account
            if connection.base_url != SANDBOX_BASE_URL or connection.needs_credential:
                raise self._fault(
                    "hookline_choose_connections", "calls a connection simulated that is not the sandbox"
                )
            return
        if not call.principal.may_use_connection(connection.name):
            raise PermissionDeniedError(
                f"This key may not use the connection {connection.name!r}, "
                f"and has no other for {call.action.id}."
            )


def code_connection(connection: Connection) -> Connection:
    """Return the account of a call that is code, from its connector's own: its options, and nowhere to go."""
    return replace(
        connection,
        name="code",
        base_url=CODE_BASE_URL,
        origin=origin_of(CODE_BASE_URL),
        credential_ref=None,
        needs_credential=False,
    )


def _misdirected() -> ConfigurationError:
    return ConfigurationError("The credential may not be sent to this origin; the call was stopped.")
