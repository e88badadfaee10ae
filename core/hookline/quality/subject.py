"""What rules look at: a plugin with its distribution, its files and what it adds to the catalog."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import Distribution, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.plugins import ENTRY_POINT_GROUP
from hookline.quality.statement import Statement, read_statement

if TYPE_CHECKING:
    from hookline.action import Action
    from hookline.connector import Connector
    from hookline.engine.catalog import Catalog
    from hookline.gateway import Gateway
    from hookline.options import PluginOptions
    from hookline.plugins import PluginInfo

_MAX_FILES = 500
_MAX_BYTES = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One plugin.

    Attributes:
        info: What became of it.
        catalog: All actions.
        options: What can be set for it; None if it has no options.
        gateway: A gateway with it; None where none can start.
        folder: Its package; None if it is no package.
    """

    info: PluginInfo
    catalog: Catalog
    options: type[PluginOptions] | None = None
    gateway: Gateway | None = field(default=None, repr=False)
    folder: Path | None = None

    @property
    def is_bundled(self) -> bool:
        """Whether it comes with Hookline."""
        return self.info.distribution == "hookline"

    @cached_property
    def distribution(self) -> Distribution | None:
        """The distribution that ships it, if one does."""
        points = entry_points(group=ENTRY_POINT_GROUP, name=self.info.name)
        return next((point.dist for point in points if point.dist is not None), None)

    @cached_property
    def statement(self) -> Statement:
        """What its author says."""
        return read_statement(self.folder)

    @property
    def connectors(self) -> list[Connector]:
        """The connectors that it adds."""
        owners = self.catalog.owners
        return [one for id, one in self.catalog.connectors.items() if owners.get(id) == self.info.name]

    @property
    def actions(self) -> list[Action]:
        """The actions that it adds."""
        ids = {connector.id for connector in self.connectors}
        return [action for action in self.catalog if action.connector.id in ids]

    @cached_property
    def modules(self) -> Mapping[str, ast.Module]:
        """Syntax trees of its files, by path inside of the package; nothing of it is run."""
        found = {}
        for path in self._files():
            try:
                text = path.read_text("utf-8")
                found[str(path.relative_to(path.parents[0] if self.folder is None else self.folder))] = (
                    ast.parse(text)
                )
            except (OSError, UnicodeDecodeError, SyntaxError, ValueError, RecursionError):
                continue
        return found

    @property
    def test_files(self) -> list[Path]:
        """Files of tests that lie beside the package, where it is installed from a folder."""
        if self.folder is None or "site-packages" in self.folder.parts:
            return []
        for parent in list(self.folder.parents)[:3]:
            tests = parent / "tests"
            if tests.is_dir() and (parent / "pyproject.toml").is_file():
                return sorted(tests.rglob("*.py"))[:_MAX_FILES]
        return []

    def _files(self) -> Iterator[Path]:
        if self.folder is None:
            return
        for path in sorted(self.folder.rglob("*.py"))[:_MAX_FILES]:
            if path.stat().st_size <= _MAX_BYTES:
                yield path


def folder_of(module: str) -> Path | None:
    """Return the folder of the package that a module belongs to; None if it is a single file."""
    name = module.partition(".")[0]
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or []) if spec is not None else []
    return Path(places[0]) if places else None
