"""A folder of manifests: what is in it, what became of each file, and what changed since.

A file that changed is read once it has been the same for two looks, so that half a file is not taken for a
whole one. A new version that cannot be used leaves the one in use in its place.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline.manifest.loading import connector_from, read_bytes
from hookline.manifest.problems import ManifestError

if TYPE_CHECKING:
    from hookline.connector import Connector

SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILES = 1_000
"""Most manifests of a folder."""

Mark = tuple[int, int, int, int]
"""What tells a version of a file: times of its content and of its entry in nanoseconds, size, number.

The time of the content can be set to what it was, the time of the entry cannot.
"""

_NO_MARK: Mark = (0, 0, 0, 0)

_log = logging.getLogger("hookline.manifest")


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestFile:
    """What became of one file.

    Attributes:
        name: Its name.
        connector: The connector that is in use; None if there is none.
        problem: What is wrong with the file as it is now; empty if nothing is.
    """

    name: str
    connector: Connector | None = None
    problem: str = ""

    @property
    def id(self) -> str:
        """Id of its connector; the file's name without its ending if it never had one."""
        return self.name.rpartition(".")[0] if self.connector is None else self.connector.id


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderChange:
    """What a look at a folder brought.

    Attributes:
        removed: Connectors that are not to be used any more.
        added: Connectors that are to be used from now on; one of a removed one's id takes its place.
    """

    removed: tuple[Connector, ...] = ()
    added: tuple[Connector, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.removed or self.added)


@dataclass(slots=True)
class _Kept:
    """What is known of a file.

    Attributes:
        mark: The version that was seen last.
        read: The version that was read last; None if none was.
        connector: What that version, or the last one that was sound, describes.
        problem: What is wrong with the version that was read last.
        told: What was logged last.
        is_missing: Whether it was not there at the last look.
    """

    mark: Mark
    read: Mark | None = None
    connector: Connector | None = None
    problem: str = ""
    told: str = ""
    is_missing: bool = False


class ManifestFolder:
    """Follows the manifests of one folder. Not to be used by two threads at a time.

    Args:
        path: The folder; it may come and go.
        taken: Ids of connectors that no manifest may have: those that are installed.
    """

    def __init__(self, path: Path, *, taken: Collection[str] = ()) -> None:
        self.path = path
        self._taken = frozenset(taken)
        self._kept: dict[str, _Kept] = {}
        self._used: dict[str, Connector] = {}  # by the name of the file that it is from
        self._files: tuple[ManifestFile, ...] = ()
        self._folder_problem = ""

    @property
    def folder_problem(self) -> str:
        """What is wrong with the folder itself, as when it is gone; empty if nothing is."""
        return self._folder_problem

    @property
    def files(self) -> tuple[ManifestFile, ...]:
        """What became of every file at the last look, by name."""
        return self._files

    @property
    def problems(self) -> list[str]:
        """What is wrong now, for whoever runs the gateway: one text per file."""
        found = [self._folder_problem] if self._folder_problem else []
        return found + [one.problem for one in self._files if one.problem]

    def load(self) -> FolderChange:
        """Read the folder at once, as a gateway does when it starts."""
        return self._look(is_first=True)

    def refresh(self) -> FolderChange:
        """Look for what changed, and return what is to be used from now on."""
        return self._look(is_first=False)

    def _look(self, *, is_first: bool) -> FolderChange:
        marks = self._list()
        if marks is None:
            return FolderChange()
        for name in self._kept.keys() - marks.keys():  # a file that gets a new name is gone for a moment
            if self._kept[name].is_missing:
                del self._kept[name]
            else:
                self._kept[name].is_missing = True
        for name, mark in marks.items():
            kept = self._kept.setdefault(name, _Kept(mark=_NO_MARK if isinstance(mark, str) else mark))
            kept.is_missing = False
            if isinstance(mark, str):
                kept.mark, kept.read = _NO_MARK, None
                kept.problem = f"{name}: it cannot be reached: {mark}."
                continue
            is_still = kept.mark == mark
            kept.mark = mark
            if kept.read != mark and (is_first or is_still):
                self._read(name, kept)
        return self._settle()

    def _list(self) -> dict[str, Mark | str] | None:
        """Return the files and their versions, or why there is none.

        None if the folder cannot be read; then all stays as it is.
        """
        found: dict[str, Mark | str] = {}
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or not entry.name.endswith(SUFFIXES):
                        continue
                    mark = _mark_of(entry)
                    if mark is not None:
                        found[entry.name] = mark
        except OSError as exc:
            self._tell_folder(f"The folder {self.path} cannot be read: {exc.strerror or exc}.")
            return None
        names = sorted(found)
        self._tell_folder(
            f"The folder {self.path} holds more than {MAX_FILES:,} manifests; only the first are read."
            if len(names) > MAX_FILES
            else ""
        )
        return {name: found[name] for name in names[:MAX_FILES]}

    def _tell_folder(self, problem: str) -> None:
        if problem and problem != self._folder_problem:
            _log.error("%s", problem)
        self._folder_problem = problem

    def _read(self, name: str, kept: _Kept) -> None:
        kept.read = kept.mark
        try:
            connector = connector_from(read_bytes(self.path / name), name=name)
            if connector.id in self._taken:
                raise ConfigurationError(
                    f"{name}: the id {connector.id!r} is that of an installed connector; choose another one."
                )
        except ManifestError as exc:
            kept.problem = exc.message
        except ConfigurationError as exc:
            kept.problem = exc.message
        except Exception as exc:  # a file must not take the others with it, whatever is in it
            _log.exception("%s cannot be read", name)
            kept.problem = f"{name}: reading it failed with {type(exc).__name__}."
        else:
            kept.connector, kept.problem = connector, ""

    def _settle(self) -> FolderChange:
        """Decide which connectors are used, and say what is not."""
        claims: dict[str, list[str]] = defaultdict(list)
        for name, kept in self._kept.items():
            if kept.connector is not None:
                claims[kept.connector.id].append(name)
        used: dict[str, Connector] = {}
        files: list[ManifestFile] = []
        for name in sorted(self._kept):
            kept = self._kept[name]
            connector, problem = kept.connector, kept.problem
            if connector is not None:
                if problem:
                    problem += f"\n{name}: the version before this one stays in use."
                rivals = claims[connector.id]
                holder = next((one for one in rivals if self._holds(one, connector.id)), None)
                if len(rivals) > 1 and name != holder:
                    what = "none of them is used" if holder is None else f"{holder} stays in use"
                    problem = f"{' and '.join(rivals)} have the id {connector.id!r}, so {what}; remove one."
                    connector = None
            if connector is not None:
                used[name] = connector
            files.append(ManifestFile(name=name, connector=connector, problem=problem))
            if problem and problem != kept.told:
                _log.error("%s", problem)
            kept.told = problem
        self._files = tuple(files)
        return self._change_to(used)

    def _holds(self, name: str, id: str) -> bool:
        held = self._used.get(name)
        return held is not None and held.id == id

    def _change_to(self, used: Mapping[str, Connector]) -> FolderChange:
        before = {id(one): one for one in self._used.values()}
        after = {id(one): one for one in used.values()}
        self._used = dict(used)
        return FolderChange(
            removed=tuple(one for key, one in before.items() if key not in after),
            added=tuple(one for key, one in after.items() if key not in before),
        )

    def give_up(self, connector: Connector, problem: str, *, instead: Connector | None) -> None:
        """Note that a connector could not be taken into use after all.

        Args:
            connector: Which.
            problem: Why not.
            instead: The one of the same file that stays in use.
        """
        for name in [name for name, one in self._used.items() if one is connector]:
            kept = self._kept[name]
            kept.connector, kept.problem, kept.told = instead, f"{name}: {problem}", f"{name}: {problem}"
            del self._used[name]
            if instead is not None:
                self._used[name] = instead
            self._files = tuple(
                replace(one, connector=instead, problem=kept.problem) if one.name == name else one
                for one in self._files
            )
            _log.error("%s", kept.problem)


def _mark_of(entry: os.DirEntry[str]) -> Mark | str | None:
    """Return the version of a file, or why it cannot be reached; None if it is gone or no file."""
    try:
        if not entry.is_file():
            return None
        state = entry.stat()
    except FileNotFoundError:
        return None
    except OSError as exc:  # a link in a circle, a folder on the way that is closed
        return exc.strerror or type(exc).__name__
    return state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino
