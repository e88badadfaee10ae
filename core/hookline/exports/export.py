"""One export: the files of a target, as the same bytes for the same catalog, and what it had to simplify."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hookline.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.exports.blueprint import Blueprint
    from hookline.exports.losses import Loss
    from hookline.exports.target import ExportTarget

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that an archive can hold: never that of the export


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """What came out.

    Attributes:
        target: Whom it is for.
        files: Content by name, the main file first.
        losses: What the platform cannot say.
    """

    target: ExportTarget
    files: Mapping[str, bytes]
    losses: tuple[Loss, ...]

    @property
    def main(self) -> tuple[str, bytes]:
        """Name and content of the main file."""
        return next(iter(self.files.items()))

    def as_archive(self) -> bytes:
        """Return all files as a ZIP archive."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.files.items():
                entry = zipfile.ZipInfo(f"{self.target.file}/{name}", date_time=_EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, content)
        return packed.getvalue()


def make_export(target: ExportTarget, blueprint: Blueprint) -> Export:
    """Return what a target makes of a blueprint.

    Raises:
        ConfigurationError: If the catalog cannot be written for it; says why.
        PluginError: If the target does not keep to its contract.
    """
    made = target.write(blueprint)
    if not made or not all(_is_sound(name) for name in made):
        raise PluginError(
            f"The export {target.name!r} made no file, or one whose name leads elsewhere.", plugin=target.name
        )
    return Export(
        target=target,
        files={name: _dump(content, target) for name, content in made.items()},
        losses=blueprint.losses.found,
    )


def _dump(content: object, target: ExportTarget) -> bytes:
    if isinstance(content, str):
        return content.encode()
    try:
        return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as exc:
        raise PluginError(
            f"The export {target.name!r} made something that is not JSON.", plugin=target.name
        ) from exc


def _is_sound(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name
