"""Published contracts: one JSON Schema file per action, direction and version, and one of the manifest.

A file is called ``openai.chat.input.v1.json``, that of the manifest ``manifest.v1.json``. A published version
is never edited: whoever built a form or a program on it must be able to rely on it. A change is published as
the next version, and ``PINNED.json`` holds the SHA-256 of every file, so that an edit by hand is noticed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject
    from hookline.plugins import PluginHost

Direction = Literal["input", "output"]
DIRECTIONS: tuple[Direction, Direction] = ("input", "output")
DIALECT = "https://json-schema.org/draft/2020-12/schema"
PINS = "PINNED.json"

MANIFEST = "manifest"

_NAME = re.compile(
    r"(?P<stem>[a-z0-9_]+\.[a-z0-9_]+\.(?:input|output)|manifest)\.v(?P<version>[1-9]\d*)\.json"
)
_HEADER = ("$schema", "$id", "title")


@dataclass(frozen=True, kw_only=True, slots=True)
class Contract:
    """One direction of one action, as the catalog has it now.

    Attributes:
        action: The action.
        direction: ``input`` or ``output``.
    """

    action: Action
    direction: Direction

    @property
    def stem(self) -> str:
        """Name of its files, without version and suffix."""
        return f"{self.action.id}.{self.direction}"

    def file_name(self, version: int) -> str:
        """Return the name of the file of one version."""
        return f"{self.stem}.v{version}.json"

    def schema(self, version: int) -> JsonObject:
        """Return the schema to publish as one version."""
        source = self.action.input_schema if self.direction == "input" else self.action.output_schema
        schema = {
            "$schema": DIALECT,
            "$id": f"urn:hookline:schema:{self.action.id}:{self.direction}:v{version}",
            "title": f"{self.action.title}: {self.direction}",
            **{name: value for name, value in source.items() if name not in _HEADER},
        }
        return cast("JsonObject", json.loads(dump(schema)))  # as it reads once it was a file


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestContract:
    """The format of connectors without Python, as the models have it now."""

    @property
    def stem(self) -> str:
        """Name of its files, without version and suffix."""
        return MANIFEST

    def file_name(self, version: int) -> str:
        """Return the name of the file of one version."""
        return f"{self.stem}.v{version}.json"

    def schema(self, version: int) -> JsonObject:
        """Return the schema to publish as one version."""
        from hookline.manifest.json_schema import manifest_schema

        return {**manifest_schema(), "$id": f"urn:hookline:schema:{self.stem}:v{version}"}


AnyContract = Contract | ManifestContract


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Something that files and catalog do not agree on.

    Attributes:
        file: Name of the file.
        problem: What is different, and where.
    """

    file: str
    problem: str


class SchemaFolder:
    """A folder of published contracts.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> dict[str, dict[int, Path]]:
        """Return the files by stem and version."""
        found: dict[str, dict[int, Path]] = {}
        for path in sorted(self.path.glob("*.json")):
            match = _NAME.fullmatch(path.name)
            if match is not None:
                found.setdefault(match["stem"], {})[int(match["version"])] = path
        return found

    def check(self, contracts: Iterable[AnyContract], *, connectors: Iterable[str]) -> list[Difference]:
        """Return what is different between these files and the catalog.

        Args:
            contracts: What the catalog has.
            connectors: Ids of the connectors whose files are looked at.
        """
        files = self.files()
        differences: list[Difference] = []
        stems = set()
        for contract in contracts:
            stems.add(contract.stem)
            differences += judge(contract)
            versions = files.get(contract.stem)
            if not versions:
                problem = "is missing; `hookline schemas write` makes it"
                differences.append(Difference(file=contract.file_name(1), problem=problem))
                continue
            version = max(versions)
            where = first_difference(_read(versions[version]), contract.schema(version))
            if where is not None:
                differences.append(Difference(file=versions[version].name, problem=where))
        wanted = set(connectors)
        for stem, versions in files.items():
            if stem not in stems and stem != MANIFEST and stem.partition(".")[0] in wanted:
                problem = "belongs to an action that no plugin has any more"
                differences += [Difference(file=path.name, problem=problem) for path in versions.values()]
        return differences + list(self._check_pins(files))

    def write(
        self, contracts: Iterable[AnyContract], *, new_version: bool = False, force: bool = False
    ) -> list[str]:
        """Write what is missing or new, all or nothing, and return the names of the files written.

        Args:
            contracts: What the catalog has.
            new_version: Publish what changed as the next version.
            force: Replace the published version, which is right only before a release.

        Raises:
            ConfigurationError: If a published version would change and neither was asked for.
        """
        files = self.files()
        planned: dict[str, str] = {}
        refused: list[str] = []
        for contract in contracts:
            versions = files.get(contract.stem, {})
            current = max(versions, default=0)
            if current:
                where = first_difference(_read(versions[current]), contract.schema(current))
                if where is None:
                    continue
                if not (new_version or force):
                    refused.append(f"{versions[current].name}: {where}")
                    continue
            version = current if current and force else current + 1
            planned[contract.file_name(version)] = dump(contract.schema(version))
        if refused:
            raise ConfigurationError(
                "These published files would change; nothing was written.\n  " + "\n  ".join(refused),
                hint="Publish the change as a next version with --new-version. Before a first release, "
                "--force replaces the files.",
            )
        self._store(planned)
        return sorted(planned)

    def _store(self, planned: dict[str, str]) -> None:
        if not planned:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        pins = self._pins()
        for name, text in planned.items():
            (self.path / name).write_bytes(text.encode())
            pins[name] = digest(text.encode())
        (self.path / PINS).write_bytes(dump(dict(sorted(pins.items()))).encode())

    def _pins(self) -> JsonObject:
        path = self.path / PINS
        return _read(path) if path.exists() else {}

    def _check_pins(self, files: dict[str, dict[int, Path]]) -> Iterator[Difference]:
        pins = self._pins()
        paths = {path.name: path for versions in files.values() for path in versions.values()}
        for name in sorted(pins.keys() - paths.keys()):
            yield Difference(file=name, problem=f"was published, says {PINS}, and is gone; bring it back")
        for name, path in paths.items():
            if name not in pins:
                yield Difference(file=name, problem=f"is not listed in {PINS}; remove it and write it anew")
            elif pins[name] != digest(path.read_bytes()):
                yield Difference(
                    file=name, problem=f"was edited after it was published: its SHA-256 is not that of {PINS}"
                )


def contracts_of(actions: Iterable[Action]) -> list[Contract]:
    """Return both directions of every action."""
    return [Contract(action=action, direction=direction) for action in actions for direction in DIRECTIONS]


def judge(contract: AnyContract) -> Iterator[Difference]:
    """Yield what the reference implementation of JSON Schema finds wrong with a contract and its samples.

    Calls are checked by a faster library; this is the second opinion. It fetches no reference.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError, best_match
    from referencing import Registry

    schema = contract.schema(1)
    name = contract.file_name(1)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as exc:
        yield Difference(file=name, problem=f"is no JSON Schema 2020-12: {exc.json_path} {exc.message}")
        return
    if isinstance(contract, ManifestContract):
        return
    validator = Draft202012Validator(schema, registry=Registry())
    for sample in contract.action.samples:
        error = best_match(validator.iter_errors(getattr(sample, contract.direction)))
        if error is not None:
            problem = f"does not fit the sample {sample.title!r}: {error.json_path} {error.message}"
            yield Difference(file=name, problem=problem)


def bundled_connectors(host: PluginHost) -> frozenset[str]:
    """Return the ids of the connectors that come in the same distribution as the engine."""
    from hookline.connector import Connector

    found = {one.id for name, one in host.connectors() if host.plugins[name].distribution == "hookline"}
    for name, register in host.implementations("hookline_register_connectors"):
        if host.plugins[name].distribution == "hookline":
            added = register()
            found.update(one.id for one in cast("list[object]", added or []) if isinstance(one, Connector))
    return frozenset(found)


def dump(value: JsonObject) -> str:
    """Return the text of a file: members in their order, two spaces, a final newline."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def first_difference(published: object, current: object, path: str = "") -> str | None:
    """Return where and how two JSON values first differ, or None; the order of members does not count."""
    if isinstance(published, dict) and isinstance(current, dict):
        for name in published:
            inner = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
            if name not in current:
                return f"{inner} is in the file and no longer in the catalog"
            found = first_difference(published[name], current[name], inner)
            if found is not None:
                return found
        added = next((name for name in current if name not in published), None)
        return None if added is None else f"{path}/{added} is in the catalog and not in the file"
    if isinstance(published, list) and isinstance(current, list):
        for position, (old, new) in enumerate(zip(published, current, strict=False)):
            found = first_difference(old, new, f"{path}/{position}")
            if found is not None:
                return found
        if len(published) != len(current):
            return f"{path or '/'} has {len(published)} items in the file and {len(current)} in the catalog"
        return None
    if type(published) is not type(current) or published != current:
        return f"{path or '/'} is {_shown(published)} in the file and {_shown(current)} in the catalog"
    return None


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


def _read(path: Path) -> JsonObject:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"{path} cannot be read as JSON: {exc}.") from exc
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path} does not hold a JSON object.")
    return cast("JsonObject", value)
