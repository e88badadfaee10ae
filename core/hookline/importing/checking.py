"""A manifest that was made is held against its own format, so that what is written can be loaded.

Documents are hostile input: one operation of a thousand may be what no gateway takes. Such an action is left
out, and the rest is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hookline.errors import ConfigurationError
from hookline.importing import reasons
from hookline.importing.document import JsonObject, object_of

if TYPE_CHECKING:
    from hookline.connector import Connector
    from hookline.importing.findings import Findings

    Path = tuple[str | int, ...]

_MAX_ROUNDS = 20


def leave_out_unusable(manifest: JsonObject, findings: Findings, *, name: str) -> Connector:
    """Take out of a manifest what the gateway would refuse to load.

    Args:
        manifest: The manifest; changed in place.
        findings: Told what was taken out.
        name: What the document is called, for messages.

    Returns:
        The connector of what is left.

    Raises:
        ConfigurationError: If nothing is left of it.
    """
    for _ in range(_MAX_ROUNDS):
        connector, problems = build(manifest)
        if connector is not None:
            return connector
        for path, message in problems:
            _take_out(manifest, path, message, findings, name)
        if not object_of(manifest.get("actions")):
            raise ConfigurationError(
                f"{name}: none of the operations can become an action: {problems[0][1][:300]}"
            )
    raise ConfigurationError(f"{name}: no manifest can be made of it: {problems[0][1][:300]}")


def build(manifest: JsonObject) -> tuple[Connector | None, list[tuple[Path, str]]]:
    """Build the connector of a manifest.

    Args:
        manifest: The manifest.

    Returns:
        The connector, None if there are problems; and what is wrong where.
    """
    from pydantic import ValidationError

    from hookline.manifest.building import build_connector
    from hookline.manifest.model import Manifest

    try:
        model = Manifest.model_validate(manifest)
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_input=False, include_context=False)
        return None, [(one["loc"], one["msg"]) for one in errors]
    connector, found = build_connector(model, most=None)
    problems = [(one.path, one.message) for one in found]
    return None if problems else connector, problems


def _take_out(manifest: JsonObject, path: Path, message: str, findings: Findings, name: str) -> None:
    names = [str(part) for part in path if not str(part).startswith("(")]
    actions = object_of(manifest.get("actions"))
    if names[:1] == ["actions"] and len(names) > 1:
        action = cast("JsonObject", actions.pop(names[1], None) or {})
        if action:
            place = f"{action.get('method')} {action.get('path')}"
            findings.add(reasons.REFUSED, place, f"{'.'.join(names[2:6])}: {message}")
            if manifest.get("test") == names[1]:
                del manifest["test"]
        return
    shared = object_of(manifest.get("schemas"))
    if names[:1] == ["schemas"] and len(names) > 1 and names[1] in shared:
        findings.add(reasons.REFUSED_PART, f"schema {names[1]}", message)
        shared[names[1]] = {}
        return
    if names[:1] == ["credential"]:
        # what is left out would become `bearer`, which is another way to show it to the service
        findings.add(reasons.REFUSED_CREDENTIAL, name, message)
        manifest["credential"] = "none"
        return
    if names and names[0] in manifest and names[0] not in ("manifest", "id", "title", "base_url", "actions"):
        findings.add(reasons.REFUSED_PART, names[0], message)
        del manifest[names[0]]
        return
    raise ConfigurationError(f"{name}: no manifest can be made of it: {'.'.join(names)}: {message[:300]}")
