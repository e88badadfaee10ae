"""Verbs of actions: from operationIds, readable, short enough, each once, and the same in whatever order.

The name of an operation depends on what it is and on which others have the same name, not on where it stands.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.importing.texts import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ID = 60
"""Most characters of an action's id."""
MAX_VERB = 58

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_GENERATED_END = re.compile(r"_using_(?:get|post|put|patch|delete|head)(?:_[0-9]+)?\Z")
_FILLERS = ("for", "the", "a", "an", "of", "in", "to", "with", "and", "from", "by")
_VERBS = {
    "get": "get",
    "head": "check",
    "post": "create",
    "put": "replace",
    "patch": "update",
    "delete": "delete",
}
_VERSION = re.compile(r"v[0-9]+\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """What an operation can be named after.

    Attributes:
        method: HTTP method in lower case.
        path: Path template.
        operation_id: The document's own name for it; empty if there is none.
    """

    method: str
    path: str
    operation_id: str = ""


def name_all(candidates: Iterable[Candidate], *, connector_id: str) -> dict[tuple[str, str], str]:
    """Return the verbs by method and path.

    Args:
        candidates: The operations; method and path are different for each.
        connector_id: What stands in front of each verb.
    """
    most = min(MAX_VERB, MAX_ID - 1 - len(connector_id))
    ordered = sorted(candidates, key=lambda one: (one.path, one.method))
    found: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    waiting = ordered
    for make in (_from_id, _from_id_and_method, _from_path, _from_path_whole):
        groups: defaultdict[str, list[Candidate]] = defaultdict(list)
        for one in waiting:
            groups[shorten(make(one), most)].append(one)
        waiting = []
        for verb, group in groups.items():
            if len(group) == 1 and verb and verb not in taken:
                taken.add(verb)
                found[group[0].method, group[0].path] = verb
            else:
                waiting += group
        waiting.sort(key=lambda one: (one.path, one.method))
    for one in waiting:
        digest = hashlib.sha256(f"{one.method} {one.path}".encode("utf-8", "replace")).hexdigest()
        for length in range(6, 40):
            verb = f"{shorten(_from_id(one), most - length - 1)}_{digest[:length]}"
            if verb not in taken:
                break
        taken.add(verb)
        found[one.method, one.path] = verb
    return found


def was_shortened(candidate: Candidate, verb: str) -> bool:
    """Tell whether a verb says less than the operation's own name."""
    return bool(candidate.operation_id) and len(_from_id(candidate)) > len(verb)


def shorten(name: str, most: int) -> str:
    """Return a name of at most so many characters: without small words, then cut at the end of a word."""
    if len(name) <= most:
        return name
    words = name.split("_")
    for filler in _FILLERS:
        while filler in words[1:] and len("_".join(words)) > most:
            at = len(words) - 1 - words[::-1].index(filler)
            if at == 0:
                break
            del words[at]
    name = "_".join(words)
    if len(name) <= most:
        return name
    cut = name[: most + 1].rpartition("_")[0] if "_" in name[most // 2 : most + 1] else name[:most]
    return cut.strip("_")


def _from_id(one: Candidate) -> str:
    """Return the operationId as words, without what frameworks add to it."""
    if not one.operation_id:
        return _from_path(one)
    words = words_of(one.operation_id)
    name = "_".join(words)
    name = _GENERATED_END.sub("", name)
    generated = "_" + "_".join([*words_of(one.path), one.method])  # FastAPI: function, path and method
    if name.endswith(generated) and len(name) > len(generated):
        name = name[: -len(generated)]
    name = name.replace("_controller_", "_", 1)
    if not name:
        return _from_path(one)
    return name if name[0].isalpha() else f"{one.method}_{name}"


def _from_id_and_method(one: Candidate) -> str:
    return f"{_from_id(one)}_{one.method}"


def _from_path(one: Candidate) -> str:
    """Return a name such as ``get_pets_by_id`` or ``list_pets``."""
    named: list[list[str]] = []
    by: list[str] = []
    for segment in one.path.split("/"):
        if "{" in segment:
            by = [word for name in _PLACEHOLDER.findall(segment) for word in words_of(name)] or by
        elif segment and not _VERSION.match(segment):
            named.append(words_of(segment))
            by = []
    verb = _VERBS[one.method]
    if one.method == "get" and named and not by and named[-1] and named[-1][-1].endswith("s"):
        verb = "list"
    words = [word for segment in named for word in segment]
    return "_".join([verb, *words, *(["by", *by] if by else [])]) if words or by else f"{verb}_root"


def _from_path_whole(one: Candidate) -> str:
    return "_".join([one.method, *words_of(one.path)])
