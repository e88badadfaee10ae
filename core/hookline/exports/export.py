"""One export: the files of a target, as the same bytes for the same catalog, and what it had to simplify."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hookline.errors import HooklineError

if TYPE_CHECKING:
    from hookline.exports.blueprint import Blueprint
    from hookline.exports.losses import Loss
    from hookline.exports.target import ExportTarget

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that an archive can hold: never that of the export


@dataclass(frozen=True, kw_only=True)
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

    @property
    def size_bytes(self) -> int:
        """How much it takes in memory, the archive of several files included."""
        archive = len(self.as_archive()) if len(self.files) > 1 else 0
        return sum(map(len, self.files.values())) + archive

    def as_archive(self) -> bytes:
        """Return all files as a ZIP archive, which is made once; several lie in a folder."""
        return self._archive

    @cached_property
    def _archive(self) -> bytes:
        folder = f"{self.target.file}/" if len(self.files) > 1 else ""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.files.items():
                entry = zipfile.ZipInfo(f"{folder}{name}", date_time=_EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, content)
        return packed.getvalue()


def make_export(target: ExportTarget, blueprint: Blueprint) -> Export:
    """Return what a target makes of a blueprint.

    Raises:
        ConfigurationError: If the catalog cannot be written for it; says why.
        PluginError: If the target fails or does not keep to its contract; names its plugin.
    """
    try:
        files = _read(target, target.write(blueprint))
    except HooklineError:
        raise
    except (Exception, SystemExit) as exc:  # a plugin may fail in any way
        raise target.failed(f"it failed with {type(exc).__name__}") from exc
    return Export(target=target, files=files, losses=blueprint.losses.found)


def _read(target: ExportTarget, made: object) -> dict[str, bytes]:
    if not isinstance(made, Mapping):
        raise target.failed(f"it returned {type(made).__name__} instead of a mapping of names to content")
    if not made:
        raise target.failed("it returned no file")
    files = {}
    for name, content in made.items():
        if not isinstance(name, str) or not _is_sound(name):
            raise target.failed(f"it returned a file whose name leads elsewhere: {str(name)[:80]!a}")
        try:
            files[name] = _dump(content)
        except (TypeError, ValueError, RecursionError) as exc:
            form = "text that UTF-8 can hold" if isinstance(exc, UnicodeError) else "JSON"
            raise target.failed(f"what it returned as {name[:80]!r} is not {form}") from exc
    return files


def _dump(content: object) -> bytes:
    if isinstance(content, str):
        return content.encode()
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _is_sound(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and name.isprintable()
        and not name.endswith("/")
        and not path.is_absolute()
        and ".." not in path.parts
        and "\\" not in name
    )
