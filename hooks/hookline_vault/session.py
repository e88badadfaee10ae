"""Asking Vault, with a token that is kept alive."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    import hvac  # type: ignore[import-untyped]  # it has no types

    from hookline.clock import Clock
    from hookline_vault.options import VaultOptions
    from hookline_vault.references import VaultReference

_log = logging.getLogger("hookline.vault")

_SHARE_OF_LEASE = 2 / 3
_MAX_FILE_BYTES = 16_384


class VaultRefusedError(Exception):
    """Vault answered, and not with the credential; says why, without anything secret."""


class VaultUnreachableError(Exception):
    """Vault did not answer, or cannot just now."""


class Session:
    """One client of Vault, used by one thread at a time.

    Args:
        options: Where Vault is and who we are to it.
        environ: Environment variables.
        clock: What time it is.
    """

    def __init__(self, options: VaultOptions, *, environ: Mapping[str, str], clock: Clock) -> None:
        self._options = options
        self._environ = environ
        self._clock = clock
        self._lock = threading.Lock()
        self._client: hvac.Client | None = None
        self._logged_in_until_s: float | None = None
        self._renewed_at_s = clock.monotonic()

    def read(self, reference: VaultReference) -> str:
        """Return the newest version of a field.

        Raises:
            VaultRefusedError: If we may not read it, or it is not there.
            VaultUnreachableError: If Vault does not answer.
            ConfigurationError: If it is not set where Vault is, or the extra is not installed.
        """
        with self._lock:
            client = self._client or self._open()
            self._client = client
            value = self._ask(client, reference)
        if not isinstance(value, str) or not value:
            raise VaultRefusedError("that field is not there, or is no text")
        return value

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._client is not None:
                self._client.adapter.close()
                self._client = None

    def _open(self) -> hvac.Client:
        try:
            import hvac
        except ImportError as exc:
            raise ConfigurationError(
                "Credentials of Vault need a library: pip install 'hookline[vault]'."
            ) from exc
        url = self._options.url or self._environ.get("VAULT_ADDR", "").strip()
        if not url:
            raise ConfigurationError("It is not set where Vault is: set `plugins.vault.url` or VAULT_ADDR.")
        return hvac.Client(
            url=url,
            token="",  # none of the user's own, which hvac would look for
            namespace=self._options.namespace or self._environ.get("VAULT_NAMESPACE") or None,
            timeout=self._options.timeout_s,
            verify=self._options.ca_file or True,
            allow_redirects=False,  # the token would go along
        )

    def _ask(self, client: hvac.Client, reference: VaultReference) -> object:
        import requests
        from hvac import exceptions

        try:
            self._log_in(client)
            answer = client.secrets.kv.v2.read_secret_version(
                path=reference.path, mount_point=reference.mount, raise_on_deleted_version=True
            )
            self._renew(client)
            return answer["data"]["data"].get(reference.field)
        except exceptions.InvalidPath:
            raise VaultRefusedError("there is no such secret, or its last version was deleted") from None
        except (exceptions.Forbidden, exceptions.Unauthorized):
            self._logged_in_until_s = None  # the token may have been revoked: the next try logs in anew
            raise VaultRefusedError("Vault does not let us read it") from None
        except exceptions.InvalidRequest:
            raise VaultRefusedError("Vault does not understand the request, or refused the log-in") from None
        except (exceptions.VaultError, requests.RequestException) as exc:
            raise VaultUnreachableError(type(exc).__name__) from None
        except (KeyError, TypeError, AttributeError, ValueError):
            raise VaultUnreachableError("an answer that is none of Vault") from None

    def _log_in(self, client: hvac.Client) -> None:
        if self._options.role_id is None:
            client.token = self._token()
            return
        now_s = self._clock.monotonic()
        if self._logged_in_until_s is not None and now_s < self._logged_in_until_s:
            return
        if self._options.secret_id_file is None:
            raise ConfigurationError("`plugins.vault.role_id` needs `secret_id_file`.")
        client.token = ""
        answer = client.auth.approle.login(
            role_id=self._options.role_id,
            secret_id=_first_line(self._options.secret_id_file),
            mount_point=self._options.approle_mount,
        )
        lease_s = float(answer["auth"].get("lease_duration") or 0)
        self._logged_in_until_s = now_s + (
            lease_s * _SHARE_OF_LEASE if lease_s > 0 else self._options.renew_s
        )

    def _token(self) -> str:
        if self._options.token_file is not None:
            return _first_line(self._options.token_file)
        token = self._environ.get("VAULT_TOKEN", "").strip()
        if not token:
            raise ConfigurationError(
                "There is no token for Vault: set `plugins.vault.token_file`, VAULT_TOKEN, or `role_id`."
            )
        return token

    def _renew(self, client: hvac.Client) -> None:
        """Renew a token from the environment; whoever writes the file renews the one in it."""
        options, now_s = self._options, self._clock.monotonic()
        if options.role_id is not None or options.token_file is not None or options.renew_s <= 0:
            return
        if now_s - self._renewed_at_s < options.renew_s:
            return
        self._renewed_at_s = now_s
        import requests
        from hvac import exceptions

        try:
            client.auth.token.renew_self()
        except (exceptions.VaultError, requests.RequestException) as exc:
            _log.warning("the token of Vault could not be renewed: %s", type(exc).__name__)


def _first_line(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            text = file.read(_MAX_FILE_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{path} cannot be read.") from exc
    if not text:
        raise ConfigurationError(f"{path} is empty.")
    return text
