"""From an OpenAPI document to a manifest: read, choose, name, convert, and tell what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from hookline.errors import ConfigurationError
from hookline.importing import reasons
from hookline.importing.actions import Drafted, draft_action
from hookline.importing.checking import leave_out_unusable
from hookline.importing.collecting import without_collecting
from hookline.importing.document import Document, JsonObject, object_of
from hookline.importing.findings import Findings, LeftOutError
from hookline.importing.naming import Candidate, name_all, was_shortened
from hookline.importing.operations import Operation, choose, find_operations, items_of
from hookline.importing.repeats import share_repeats
from hookline.importing.samples import add_samples
from hookline.importing.schemas import Schemas
from hookline.importing.security import NOT_SHOWN, Security, read_security, wants_another
from hookline.importing.servers import base_url_of
from hookline.importing.texts import clean, one_line, words_of
from hookline.importing.tree import read_tree

_TEST_NAMES = ("me", "whoami", "ping", "status", "health", "account", "user", "version", "info")


@dataclass(kw_only=True, slots=True)
class Imported:
    """What became of a document.

    Attributes:
        manifest: The manifest, as JSON values.
        name: What the document is called.
        version: Its version, as it says.
        operations: How many operations it has.
        chosen: How many of them were asked for; None if nothing was said about that.
        paged: Verbs of actions whose pages were recognised, and how these are counted.
        security: How credentials are shown.
        findings: What could not be taken over.
    """

    manifest: JsonObject = field(repr=False)
    name: str
    version: str
    operations: int
    chosen: int | None
    paged: dict[str, str]
    security: Security
    findings: Findings

    @property
    def actions(self) -> int:
        """How many actions there are."""
        return len(object_of(self.manifest.get("actions")))


@without_collecting()
def import_openapi(
    content: bytes,
    *,
    connector_id: str,
    name: str,
    url: str | None = None,
    only: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
) -> Imported:
    """Turn an OpenAPI document into a manifest. Nothing but the document is read.

    Args:
        content: The document: JSON or YAML.
        connector_id: Id of the connector; what its actions' ids begin with.
        name: What the document is called, for messages.
        url: Its address, against which relative addresses count.
        only: Patterns of verbs, operationIds or paths; without any all operations are taken.
        tags: Tags of the document; without any all operations are taken.

    Raises:
        ConfigurationError: If it is no such document, too large, or leaves nothing to call.
    """
    twice: list[str] = []
    document = Document(read_tree(content, name=name, twice=twice), name=name, url=url)
    for key in twice:
        document.findings.add(reasons.KEY_TWICE, name, key)
    operations, count = find_operations(document)
    verbs = _name(document, operations, connector_id)
    chosen = choose(operations, verbs, only=only, tags=tags)
    base_url = base_url_of(document, list(items_of(chosen)))
    security = read_security(document, (one.raw for one in chosen))
    drafted, schemas = _draft(document, chosen, verbs, base_url, security)
    if not drafted:
        raise ConfigurationError(_nothing_left(document, count))
    manifest = _assemble(document, connector_id, base_url, security, drafted, schemas)
    connector = leave_out_unusable(manifest, document.findings, name=name)
    if manifest["credential"] == "none" != security.credential:
        security = Security(notes=[NOT_SHOWN])
    add_samples(drafted, connector, document.findings)
    kept = object_of(manifest["actions"])
    return Imported(
        manifest=manifest,
        name=name,
        version=str(document.root.get("openapi") or document.root.get("swagger")),
        operations=count,
        chosen=len(chosen) if only or tags else None,
        paged={
            one.verb: str(object_of(one.part["pages"]).get("by", "cursor"))
            for one in drafted
            if "pages" in one.part and one.verb in kept
        },
        security=security,
        findings=document.findings,
    )


def _name(document: Document, operations: list[Operation], connector_id: str) -> dict[tuple[str, str], str]:
    candidates = [
        Candidate(method=one.method, path=one.path, operation_id=one.operation_id) for one in operations
    ]
    verbs = name_all(candidates, connector_id=connector_id)
    seen: set[str] = set()
    for one in candidates:
        if was_shortened(one, verbs[one.method, one.path]):
            document.findings.add(reasons.SHORTENED, f"{one.method.upper()} {one.path}", one.operation_id)
        if one.operation_id and one.operation_id in seen:
            document.findings.add(reasons.TWICE, f"{one.method.upper()} {one.path}", one.operation_id)
        seen.add(one.operation_id)
    return verbs


def _draft(
    document: Document,
    operations: list[Operation],
    verbs: dict[tuple[str, str], str],
    base_url: str,
    security: Security,
) -> tuple[list[Drafted], dict[str, JsonObject]]:
    schemas = Schemas(document)
    drafted = []
    for one in operations:
        verb = verbs[one.method, one.path]
        try:
            drafted.append(draft_action(document, schemas, one, verb, base_url=base_url, security=security))
        except LeftOutError as exc:
            document.findings.add(exc.reason, one.place, exc.what)
            continue
        if wants_another(document, one.raw, security):
            document.findings.add(reasons.OTHER_CREDENTIAL, one.place)
    shared = schemas.finish()
    tops = [cast("JsonObject", one.part[side]) for one in drafted for side in ("input", "output")]
    share_repeats(tops, shared)
    return drafted, shared


def _assemble(
    document: Document,
    connector_id: str,
    base_url: str,
    security: Security,
    drafted: list[Drafted],
    schemas: dict[str, JsonObject],
) -> JsonObject:
    info = object_of(document.root.get("info"))
    manifest: JsonObject = {
        "manifest": 1,
        "id": connector_id,
        "title": one_line(document.title, 100) or connector_id.replace("_", " ").capitalize(),
    }
    if description := clean(info.get("description"), 300):
        manifest["description"] = description
    manifest["base_url"] = base_url
    manifest["credential"] = security.credential
    if test := _test_of(drafted):
        manifest["test"] = test
    groups = _groups(drafted)
    if groups:
        manifest["groups"] = groups
    manifest["actions"] = {one.verb: one.part for one in drafted}
    used = _used(drafted, schemas)
    if used:
        manifest["schemas"] = {name: schemas[name] for name in sorted(used)}
    return manifest


def _groups(drafted: list[Drafted]) -> dict[str, str]:
    """Return headings by key, and write the keys into the actions."""
    keys: dict[str, str] = {}
    taken: set[str] = set()
    for one in drafted:
        tag = one.part.get("group")
        if not isinstance(tag, str):
            continue
        if tag not in keys:
            key = "_".join(words_of(tag))[:40] or "group"
            number = 2
            while key in taken:
                key, number = f"{'_'.join(words_of(tag))[:36] or 'group'}_{number}", number + 1
            taken.add(key)
            keys[tag] = key
        one.part["group"] = keys[tag]
    return {key: one_line(tag, 100) or key for tag, key in keys.items()}


def _test_of(drafted: list[Drafted]) -> str | None:
    """Return the verb of an action that tells whether a connection works: it reads, and needs no input."""
    free = [
        one
        for one in drafted
        if one.part["method"] == "GET" and not one.form.schema.get("required") and one.answer.kind != "binary"
    ]
    if not free:
        return None

    def rank(one: Drafted) -> tuple[int, int, str]:
        last = one.operation.path.rstrip("/").rpartition("/")[2].lower()
        is_known = last in _TEST_NAMES
        is_deprecated = one.operation.raw.get("deprecated") is True
        is_session = any(word in one.verb for word in ("login", "logout", "sign_in", "sign_out"))
        known = _TEST_NAMES.index(last) if is_known else 9
        return (10 * is_deprecated + 20 * is_session + known, len(one.operation.path), one.verb)

    return min(free, key=rank).verb


def _used(drafted: list[Drafted], schemas: dict[str, JsonObject]) -> set[str]:
    """Return the names of the shared schemas that actions need, directly and through others."""
    found: set[str] = set()
    waiting: list[object] = [[one.part["input"], one.part["output"]] for one in drafted]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                name = reference.rpartition("/")[2]
                if name not in found and name in schemas:
                    found.add(name)
                    waiting.append(schemas[name])
            waiting += value.values()
        elif isinstance(value, list):
            waiting += cast("list[object]", value)
    return found


def _nothing_left(document: Document, count: int) -> str:
    if not count:
        return f"{document.name} has no operations under `paths`, so there is nothing to call."
    told = [
        f"{document.findings.counts[one]} times: {one.why}"
        for one in document.findings
        if one.weight == "left_out"
    ]
    return f"None of the {count:,} operations of {document.name} can become an action. {' '.join(told[:3])}"
