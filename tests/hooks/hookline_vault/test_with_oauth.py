"""A client's secret that is kept in Vault, and exchanged for an access token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline_vault import VaultPlugin
from oauth_lab import PAIR, oauth_lab
from oauth_service import oauth_service

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Vault  # type: ignore[import-not-found]


def test_a_client_s_secret_of_vault_is_exchanged_for_a_token(vault: Vault, tmp_path: Path) -> None:
    vault.secrets["secret/acme"] = {"client": PAIR}
    token_file = tmp_path / "token"
    token_file.write_text("token-of-tests")
    settings = {
        "connections": {"acme": {"credential_ref": "vault:secret/acme#client"}},
        "plugins": {"plugin1": {"url": vault.url, "token_file": str(token_file)}},
    }

    with oauth_service() as service:
        lab = oauth_lab(service, VaultPlugin(), credential=None, settings=settings)

        assert lab.call() == (200, [1, 2])
        assert len(service.token_requests) == 1
        lab.gateway.close()
