"""``hookline new connector NAME --openapi SOURCE``."""

from __future__ import annotations

from pathlib import Path

from hookline.errors import ConfigurationError


def import_document(
    name: str,
    source: str,
    folder: Path,
    *,
    only: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
    force: bool = False,
    as_json: bool = False,
) -> None:
    """Write the manifest of a document, and tell what became of its operations."""
    raise ConfigurationError(f"{source} cannot be read yet.")
