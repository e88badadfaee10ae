"""From a file to a connector: read, compared with the format, built; every problem told at once."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from pydantic import ValidationError

from hookline.manifest.model import Manifest
from hookline.manifest.problems import (
    MAX_PROBLEMS,
    Finding,
    ManifestError,
    ManifestProblem,
    UnreadableError,
    findings_of,
)
from hookline.manifest.reading import MAX_BYTES, find_lines, read_manifest_text

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from hookline.connector import Connector


def load_manifest(file: Path | Traversable) -> Connector:
    """Return the connector that a manifest describes.

    A package that is only a manifest has two lines, ``connector = load_manifest(files(__package__) /
    "acme.yaml")`` and its import.

    Args:
        file: A YAML or JSON file.

    Raises:
        ManifestError: If the file cannot be read, or what is in it cannot be used; lists up to ten problems.
    """
    return connector_from(read_bytes(file), name=file.name)


def read_bytes(file: Path | Traversable) -> bytes:
    """Return the bytes of a manifest's file.

    Raises:
        ManifestError: If it cannot be read, or is larger than a manifest may be.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as exc:
        problem = ManifestProblem(file=file.name, message=f"cannot be read: {exc.strerror or exc}.")
        raise ManifestError([problem]) from exc
    if len(content) > MAX_BYTES:
        problem = ManifestProblem(file=file.name, message=f"is larger than {MAX_BYTES:,} bytes.")
        raise ManifestError([problem])
    return content


def connector_from(content: bytes, *, name: str) -> Connector:
    """Return the connector that the bytes of a manifest describe.

    Args:
        content: YAML or JSON, in UTF-8.
        name: What messages call the file.

    Raises:
        ManifestError: If what is in it cannot be used.
    """
    from hookline.manifest.building import build_connector

    manifest = parse_manifest(content, name=name)
    connector, findings = build_connector(manifest)
    if findings:
        raise ManifestError(locate(findings, content, name=name))
    return connector


def parse_manifest(content: bytes, *, name: str) -> Manifest:
    """Return what is in a manifest; only its form was checked.

    Args:
        content: YAML or JSON, in UTF-8.
        name: What messages call the file.

    Raises:
        ManifestError: If it cannot be read or is not of the format.
    """
    try:
        document = read_manifest_text(content)
    except UnreadableError as exc:
        problem = ManifestProblem(file=PurePath(name).name, line=exc.line, message=f"{exc.problem}.")
        raise ManifestError([problem]) from None
    try:
        return Manifest.model_validate(document)
    except ValidationError as exc:
        errors = exc.errors(include_url=False)
        raise ManifestError(locate(findings_of(errors, document, Manifest), content, name=name)) from None


def locate(
    findings: list[Finding], content: bytes, *, name: str, most: int = MAX_PROBLEMS
) -> list[ManifestProblem]:
    """Return the first problems of a file with their lines, in the order of the lines."""
    paths = {finding.path[:end] for finding in findings for end in range(len(finding.path) + 1)}
    lines = find_lines(content, paths)
    located = []
    for finding in findings:
        ends = range(len(finding.path), -1, -1)
        line = next((lines[finding.path[:end]] for end in ends if finding.path[:end] in lines), None)
        located.append(ManifestProblem(file=name, line=line, path=finding.path, message=finding.message))
    located.sort(key=lambda problem: problem.line or 0)
    more = len(located) - most
    if more > 0:
        located[most:] = [ManifestProblem(file=name, message=f"and {more} more.")]
    return located
