"""``quality.yaml``: what a plugin's author says about the rules, shipped in the package.

::

    rules:
      dropdown-sources: done
      recordings: todo
      streaming:
        status: exempt
        reason: The service has no streams.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from hookline.quality.rules import RULES_BY_ID

FILE_NAME = "quality.yaml"
Status = Literal["done", "todo", "exempt"]
_MAX_BYTES = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the author says about one rule.

    Attributes:
        status: ``done``, ``todo`` or ``exempt``.
        reason: Why; needed for ``exempt``.
    """

    status: Status
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """What the author says.

    Attributes:
        answers: By rule.
        problems: What is wrong with the file.
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_statement(folder: Path | None) -> Statement:
    """Return what a package's ``quality.yaml`` says; nothing if there is none."""
    path = (folder or Path()) / FILE_NAME
    if folder is None or not path.is_file():
        return Statement()
    import yaml

    try:
        if path.stat().st_size > _MAX_BYTES:
            return Statement(problems=[f"{FILE_NAME} is larger than {_MAX_BYTES} bytes."])
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as exc:
        return Statement(problems=[f"{FILE_NAME} cannot be read: {type(exc).__name__}."])
    rules = content.get("rules") if isinstance(content, Mapping) else None
    if not isinstance(rules, Mapping):
        return Statement(problems=[f"{FILE_NAME} must hold `rules:` with an answer for each rule."])
    answers: dict[str, Answer] = {}
    problems: list[str] = []
    for id, value in rules.items():
        if id not in RULES_BY_ID:
            near = difflib.get_close_matches(str(id), RULES_BY_ID, n=1)
            meant = f" Did you mean `{near[0]}`?" if near else ""
            problems.append(f"{FILE_NAME}: there is no rule `{str(id)[:60]}`.{meant}")
            continue
        answer = _answer(value)
        if answer is None:
            problems.append(f"{FILE_NAME}: `{id}` must be done, todo, or exempt with a `reason`.")
        else:
            answers[str(id)] = answer
    return Statement(answers=answers, problems=problems)


def _answer(value: object) -> Answer | None:
    reason = ""
    if isinstance(value, Mapping):
        reason = str(value.get("reason") or "").strip()
        value = value.get("status")
    if value not in get_args(Status) or (value == "exempt" and not reason):
        return None
    status: Status = value  # type: ignore[assignment]  # it is one of them
    return Answer(status=status, reason=reason)
