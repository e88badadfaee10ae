"""Path templates of a document as paths of actions: placeholders named like fields, all else quoted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote

from hookline.importing import reasons
from hookline.importing.findings import LeftOutError

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_MAX_PATH = 1_500
_SAFE = "/:@!$&'()*+,;=~%-._"
_DOTS = re.compile(r"(?:\.|%2[eE]){1,2}\Z")


@dataclass(kw_only=True, slots=True)
class PathTemplate:
    """A path, taken apart.

    Attributes:
        parts: Its text and its placeholders, in turn; it begins and ends with a text.
        query: Fixed parameters that stand behind a ``?`` in it.
    """

    parts: list[str] = field(default_factory=list)
    query: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Names of the placeholders."""
        return self.parts[1::2]

    def write(self, names: dict[str, str], styles: dict[str, str]) -> str:
        """Return the path with other names in its placeholders.

        Args:
            names: The new ones by the document's.
            styles: ``label`` and ``matrix`` by the document's names.
        """
        pieces = []
        for index, part in enumerate(self.parts):
            if index % 2 == 0:
                pieces.append(part)
                continue
            style = styles.get(part)
            front = "." if style == "label" else f";{quote(part, safe='')}=" if style == "matrix" else ""
            pieces.append(f"{front}{{{names[part]}}}")
        return "".join(pieces)


def read_path(text: str) -> PathTemplate:
    """Return a path template taken apart.

    Raises:
        LeftOutError: If it cannot be a path below a base URL.
    """
    if len(text) > _MAX_PATH:
        raise LeftOutError(reasons.PATH, f"{text[:60]}…")
    path, _, query = text.partition("#")[0].partition("?")
    if not path.startswith("/"):
        path = f"/{path}"
    split = _PLACEHOLDER.split(path)
    plain = "".join(split[0::2])
    if "{" in plain or "}" in plain or not plain.isprintable():
        raise LeftOutError(reasons.PATH, text[:100])
    names = [_bare(name) for name in split[1::2]]
    if len(set(names)) < len(names) or not all(names):
        raise LeftOutError(reasons.PATH, text[:100])
    whole = PathTemplate()
    for index, part in enumerate(split):
        whole.parts.append(quote(part, safe=_SAFE) if index % 2 == 0 else names[index // 2])
    filled = whole.write({name: "x" for name in names}, {}).replace("{", "").replace("}", "")
    if any(_DOTS.match(segment) for segment in filled.split("/")):
        raise LeftOutError(reasons.PATH, text[:100])
    if query:
        if "{" in query:
            raise LeftOutError(reasons.PATH, text[:100])
        whole.query = dict(parse_qsl(query, keep_blank_values=True))
    return whole


def _bare(name: str) -> str:
    """Return the name of a placeholder without what some frameworks add: ``{id:[0-9]+}``, ``{path*}``."""
    return name.partition(":")[0].strip().rstrip("*+?").lstrip("+*")
