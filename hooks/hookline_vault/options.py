"""What can be set for the plugin ``vault``."""

from __future__ import annotations

from pydantic import Field

from hookline.options import PluginOptions


class VaultOptions(PluginOptions):
    """Where Vault is, who we are to it, and how long its answers are kept."""

    url: str | None = Field(None, description="Address of Vault; without it, the variable `VAULT_ADDR`.")
    namespace: str | None = Field(
        None, description="Namespace of Vault Enterprise; without it, the variable `VAULT_NAMESPACE`."
    )
    token_file: str | None = Field(
        None,
        description="File that holds the token, such as the sink of a Vault agent; read whenever Vault is "
        "asked. Without it, the variable `VAULT_TOKEN`.",
    )
    role_id: str | None = Field(
        None, description="Role to log in with by AppRole, in place of a token; needs `secret_id_file`."
    )
    secret_id_file: str | None = Field(None, description="File that holds the secret id of that role.")
    approle_mount: str = Field("approle", description="Where AppRole is mounted in Vault.")
    ca_file: str | None = Field(None, description="Certificates that Vault's own is checked against.")
    timeout_s: float = Field(3.0, gt=0, le=60, description="Longest wait for an answer of Vault, in seconds.")
    cache_s: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="A credential is asked for again after so many seconds, beside the calls that use it.",
    )
    max_stale_s: float = Field(
        600.0,
        ge=0,
        le=604_800,
        description="How old a credential may grow while Vault cannot be reached; after that, calls get 503.",
    )
    renew_s: float = Field(
        3600.0,
        ge=0,
        le=604_800,
        description="The token is renewed after so many seconds, when Vault is asked; 0 for never.",
    )
