"""Checking a manifest before it is used: what is wrong with it, and what would make its forms better."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.engine.catalog import CatalogEntry
from hookline.engine.references import as_object, follow
from hookline.errors import ConfigurationError
from hookline.manifest.building import build_connector
from hookline.manifest.fields import FieldsPart
from hookline.manifest.loading import locate, parse_manifest, read_bytes
from hookline.manifest.problems import MAX_PROBLEMS, Finding, ManifestError, ManifestProblem

if TYPE_CHECKING:
    from hookline.action import Action
    from hookline.connector import Connector
    from hookline.manifest.model import Manifest

MAX_HINTS = 20
"""Most hints of one file that are told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestReport:
    """What was found out about one file.

    Attributes:
        file: Name of the file.
        connector: The connector; None if it cannot be used.
        problems: What is wrong, at most about ten.
        hints: What could be better, at most about twenty.
    """

    file: str
    connector: Connector | None
    problems: tuple[ManifestProblem, ...] = ()
    hints: tuple[ManifestProblem, ...] = ()


def check_manifest(path: Path) -> ManifestReport:
    """Return what is wrong with a file and what could be better: schemas, samples, expressions and forms."""
    try:
        content = read_bytes(path)
        manifest = parse_manifest(content, name=path.name)
    except ManifestError as exc:
        return ManifestReport(file=path.name, connector=None, problems=exc.problems)
    connector, findings = build_connector(manifest)
    if not findings:
        for action in connector.actions.values():
            findings += _findings_of(action)
            if len(findings) > MAX_PROBLEMS:
                break
    hints = [] if findings else _hints_of(manifest, connector)
    return ManifestReport(
        file=path.name,
        connector=None if findings else connector,
        problems=tuple(locate(findings, content, name=path.name)),
        hints=tuple(locate(hints, content, name=path.name, most=MAX_HINTS)),
    )


def _findings_of(action: Action) -> list[Finding]:
    """Return what is wrong with an action's compiled schemas, and with its samples."""
    at = ("actions", action.id.partition(".")[2])
    entry = CatalogEntry(action)
    found = []
    for name in ("input", "output", "request"):
        try:
            getattr(entry, name)
        except ConfigurationError as exc:
            found.append(Finding(path=(*at, name), message=exc.message))
    if found:
        return found
    for position, sample in enumerate(action.samples):
        for name, validator, value in (
            ("input", entry.input, sample.input),
            ("output", entry.output, sample.output),
        ):
            found += [
                Finding(path=(*at, "samples", position, name), message=f"does not fit the schema: {problem}.")
                for problem in validator.problems(value)[:1]
            ]
    return found


def _hints_of(manifest: Manifest, connector: Connector) -> list[Finding]:
    """Return what is missing for good forms and documentation."""
    hints: list[Finding] = []

    def add(path: tuple[str | int, ...], message: str) -> None:
        hints.append(Finding(path=path, message=message))

    if not manifest.description:
        add((), "there is no `description`: say in one sentence what the service is for.")
    if manifest.test is None:
        add((), "there is no `test`: name an action without needed fields by which connections are tried.")
    for verb, part in manifest.actions.items():
        if part.hidden:
            continue
        at = ("actions", verb)
        action = connector.actions[f"{connector.id}.{verb}"]
        if not part.title:
            add(at, "there is no `title`: it is made from the verb.")
        if not part.description and not action.input_schema.get("description"):
            add(at, "there is no `description`: forms and models know no more than the title.")
        if not part.samples:
            add(at, "there are no `samples`: forms cannot be tried without a call.")
        schema = action.input_schema
        member_key = "fields" if isinstance(part.input, FieldsPart) else "properties"
        for name, member in as_object(follow(schema, schema).get("properties")).items():
            own = follow(as_object(member), schema)
            if not own.get("title") and not own.get("description") and not as_object(member).get("title"):
                add((*at, "input", member_key, name), "has neither title nor description.")
        if part.answers == "json" and not _has_members(action.output_schema):
            add((*at, "output"), "names no members: platforms cannot offer them for mapping.")
    return hints


def _has_members(schema: dict[str, object]) -> bool:
    own = follow(schema, schema)
    names = set(as_object(own.get("properties"))) - {"warnings"}
    return bool(names) or any(name in own for name in ("allOf", "anyOf", "oneOf", "additionalProperties"))
