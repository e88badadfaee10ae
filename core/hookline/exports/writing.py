"""Exports as files: one as it is, several in a folder, any as an archive."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookline.exports.export import Export

_MAX_LOOKED_AT = 10_000


class NotAFolderError(ValueError):
    """Several files were to go where a file is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What was written.

    Attributes:
        paths: The files.
        whole: The one file, the folder of several, or the archive.
        is_archive: Whether it is an archive.
        others: Files beside them that are not of this export, such as those that an earlier one left.
    """

    paths: tuple[Path, ...]
    whole: Path
    is_archive: bool = False
    others: tuple[Path, ...] = ()


def write_export(export: Export, out: str) -> Written:
    """Write an export.

    Args:
        export: What to write.
        out: A file, a folder (there, or with a slash at its end), or a name that ends in ``.zip``.

    Raises:
        NotAFolderError: If a file is where a folder must be.
        OSError: If something cannot be written.
    """
    path = Path(out)
    is_folder = path.is_dir() or out.endswith(("/", os.sep))
    if not is_folder and path.suffix.lower() == ".zip":
        _put(path, export.as_archive())
        return Written(paths=(path,), whole=path, is_archive=True)
    if len(export.files) == 1:
        name, content = export.main
        path = path / name if is_folder else path
        _put(path, content)
        return Written(paths=(path,), whole=path)
    if path.exists() and not path.is_dir():
        raise NotAFolderError(out)
    for name, content in export.files.items():
        _put(path / name, content)
    return Written(
        paths=tuple(path / name for name in export.files),
        whole=path,
        others=tuple(sorted(_others(path, list(export.files)))),
    )


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _others(folder: Path, names: list[str]) -> Iterator[Path]:
    """Yield files that an earlier export may have left: of a kind, and where, this one writes its own.

    The folder may hold much else, such as installed packages, so no other folder in it is looked into.
    """
    written = {folder / name for name in names}
    kinds = {path.suffix for path in written}
    tops = {name.partition("/")[0] for name in names if "/" in name}
    looked_at = [folder.iterdir(), *(_walk(folder / top) for top in sorted(tops))]
    for path in islice((path for found in looked_at for path in found), _MAX_LOOKED_AT):
        is_candidate = path.suffix in kinds and not path.name.startswith(".") and path not in written
        if is_candidate and path.is_file():
            yield path


def _walk(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)
