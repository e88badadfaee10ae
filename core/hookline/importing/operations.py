"""The operations of a document, found and chosen; what each says is read by other modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from hookline.errors import ConfigurationError
from hookline.importing import reasons
from hookline.importing.document import Document, JsonObject, list_of, object_of, text_of
from hookline.importing.findings import LeftOutError

if TYPE_CHECKING:
    from collections.abc import Iterator

METHODS = ("get", "head", "post", "put", "patch", "delete")
MAX_OPERATIONS = 10_000
"""Most operations that become actions of one connector."""

_OTHER_METHODS = frozenset({"options", "trace", "query"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One operation, as the document has it.

    Attributes:
        method: HTTP method in lower case.
        path: Path template.
        raw: The operation.
        item: The path item that holds it.
    """

    method: str
    path: str
    raw: JsonObject = field(repr=False)
    item: JsonObject = field(repr=False)

    @property
    def place(self) -> str:
        """What findings call it."""
        return f"{self.method.upper()} {self.path}"

    @property
    def operation_id(self) -> str:
        """The document's name for it; empty if it has none."""
        return text_of(self.raw.get("operationId"))

    @property
    def tags(self) -> list[str]:
        """Its tags."""
        return [one.strip() for one in list_of(self.raw.get("tags")) if isinstance(one, str) and one.strip()]


def find_operations(document: Document) -> tuple[list[Operation], int]:
    """Return the operations that can become actions, and how many there are in all."""
    found: list[Operation] = []
    count = 0
    paths = document.root.get("paths")
    if paths is not None and not isinstance(paths, dict):
        document.findings.add(reasons.NO_OBJECT, "#/paths")
    for path, given in object_of(paths).items():
        if path.startswith("x-"):
            continue
        try:
            item = document.follow(given)
        except LeftOutError as exc:
            count += 1
            document.findings.add(exc.reason, path, exc.what)
            continue
        beside = object_of(given)
        for method, raw in {**item, **{name: one for name, one in beside.items() if name != "$ref"}}.items():
            if method in METHODS:
                count += 1
                try:
                    whole = document.follow(
                        raw
                    )  # no version lets an operation refer to one, and documents do
                except LeftOutError as exc:
                    document.findings.add(exc.reason, f"{method.upper()} {path}", exc.what)
                    continue
                found.append(Operation(method=method, path=path, raw=whole, item={**item, **beside}))
            elif method in _OTHER_METHODS:
                count += 1
                document.findings.add(reasons.METHOD, f"{method.upper()} {path}")
        for method in object_of(item.get("additionalOperations")):
            count += 1
            document.findings.add(reasons.METHOD, f"{method.upper()[:40]} {path}")
    return found, count


def choose(
    operations: list[Operation],
    verbs: dict[tuple[str, str], str],
    *,
    only: tuple[str, ...],
    tags: tuple[str, ...],
) -> list[Operation]:
    """Return the operations that are asked for.

    Args:
        operations: All of them.
        verbs: Their verbs, by method and path.
        only: Patterns of verbs, operationIds or paths; one must fit. Empty for all.
        tags: Tags, in whatever case; one must be there. Empty for all.

    Raises:
        ConfigurationError: If none is left, or more than a connector may have.
    """
    wanted_tags = {tag.casefold() for tag in tags}
    chosen = [
        one
        for one in operations
        if (not only or _fits(one, verbs[one.method, one.path], only))
        and (not wanted_tags or wanted_tags & {tag.casefold() for tag in one.tags})
    ]
    if operations and not chosen:
        raise ConfigurationError(f"No operation fits: {_known(operations, verbs, tags)}.")
    if len(chosen) > MAX_OPERATIONS:
        raise ConfigurationError(
            f"The document has {len(chosen):,} operations, and a connector has at most {MAX_OPERATIONS:,} "
            "actions. Choose those that you need with --only or --tag."
        )
    return chosen


def _fits(operation: Operation, verb: str, only: tuple[str, ...]) -> bool:
    names = (verb, operation.operation_id, operation.path, operation.place)
    return any(fnmatchcase(name, pattern) for name in names if name for pattern in only)


def _known(operations: list[Operation], verbs: dict[tuple[str, str], str], tags: tuple[str, ...]) -> str:
    if tags:
        known = sorted({tag for one in operations for tag in one.tags})
        return "the document's tags are " + (_listed(known) or "none at all")
    return "verbs are such as " + _listed(sorted(verbs.values()))


def _listed(names: list[str]) -> str:
    shown = ", ".join(name[:60] for name in names[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown


def items_of(operations: list[Operation]) -> Iterator[JsonObject]:
    """Yield the path items of operations, and the operations, whichever may have servers of their own."""
    for one in operations:
        yield one.raw
        yield one.item
