"""Where a credential is in Vault."""

from __future__ import annotations

import re
from dataclasses import dataclass

_REFERENCE = re.compile(r"vault:(?P<mount>[^/#\s]+)/(?P<path>[^#\s]+)#(?P<field>[^#\s]+)\Z")


class WrongReferenceError(Exception):
    """A reference names no place in Vault."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VaultReference:
    """A field of a secret.

    Attributes:
        mount: Where the secrets engine (KV, version 2) is mounted.
        path: The secret.
        field: One of its fields.
    """

    mount: str
    path: str
    field: str


def parse_reference(text: str) -> VaultReference:
    """Return the place that ``vault:mount/path#field`` names.

    ``mount/data/path``, as in Vault's HTTP API, means the same.

    Raises:
        WrongReferenceError: If it is none.
    """
    found = _REFERENCE.match(text)
    path = "" if found is None else found["path"].removeprefix("data/").strip("/")
    if found is None or not path or any(part in ("", ".", "..") for part in path.split("/")):
        raise WrongReferenceError("write vault:mount/path#field")
    return VaultReference(mount=found["mount"], path=path, field=found["field"])
