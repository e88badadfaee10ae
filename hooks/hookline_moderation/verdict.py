"""What a classifier answered, and whether that blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline_moderation.options import ModerationOptions

_MAX_CATEGORY_LENGTH = 100


class WrongAnswerError(Exception):
    """A classifier's answer has not the shape that it promises.

    Args:
        problem: What is wrong with it, as the end of a sentence.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(kw_only=True, slots=True)
class Findings:
    """What was found in all texts of one request.

    Attributes:
        is_flagged: Whether the classifier flagged any of them.
        flagged: Categories that it flagged.
        scores: Its highest score for each category.
        unchecked: Categories of which it says that it did not look for them.
    """

    is_flagged: bool = False
    flagged: set[str] = field(default_factory=set)
    scores: dict[str, float] = field(default_factory=dict)
    unchecked: set[str] = field(default_factory=set)

    def add_scores(self, value: object, where: str) -> None:
        """Keep the highest scores.

        Raises:
            WrongAnswerError: If there is something else than scores.
        """
        for name, score in _members(value, where):
            if isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= 1:
                raise WrongAnswerError(f"a score in `{where}` is not a number from 0 to 1")
            self.scores[name] = max(float(score), self.scores.get(name, 0.0))


def read_answer(answer: object, *, inputs: int) -> Findings:
    """Return what a classifier found.

    Args:
        answer: Its output, of the shape of ``openai.moderate``'s.
        inputs: For how many inputs there must be a result.

    Raises:
        WrongAnswerError: If the shape is another, or an input was left out.
    """
    if not isinstance(answer, dict):
        raise WrongAnswerError("it is not an object")
    findings = Findings(is_flagged=_bool(answer.get("flagged"), "flagged"))
    for name in _list(answer.get("categories"), "categories"):
        findings.flagged.add(_category(name, "categories"))
    findings.add_scores(answer.get("scores"), "scores")
    results = _list(answer.get("results"), "results")
    if len(results) != inputs:
        raise WrongAnswerError(f"it holds {len(results)} results for {inputs} inputs")
    for position, result in enumerate(results):
        where = f"results[{position}]"
        if not isinstance(result, dict):
            raise WrongAnswerError(f"`{where}` is not an object")
        findings.is_flagged |= _bool(result.get("flagged"), f"{where}.flagged")
        for name, flag in _members(result.get("categories"), f"{where}.categories"):
            if flag is None:
                findings.unchecked.add(name)
            elif _bool(flag, f"{where}.categories"):
                findings.flagged.add(name)
        findings.add_scores(result.get("scores"), f"{where}.scores")
    return findings


def blocking_categories(findings: Findings, options: ModerationOptions) -> list[str] | None:
    """Return the categories for which something is blocked, or None if it may pass.

    Where a threshold is set the score decides, elsewhere the flag. Something that was flagged without any
    category is blocked with an empty list.

    Raises:
        WrongAnswerError: If a category with a threshold has no score.
    """
    blocking = set()
    for name, threshold in options.thresholds.items():
        score = findings.scores.get(name)
        if score is None and name not in findings.unchecked:
            raise WrongAnswerError(f"it holds no score for `{name}`, which has a threshold")
        if (name in findings.flagged) if score is None else score >= threshold:
            blocking.add(name)
    wanted = findings.flagged.difference(options.thresholds)
    blocking |= wanted.intersection(options.categories) if options.categories else wanted
    if blocking or (findings.is_flagged and not findings.flagged):
        return sorted(blocking)
    return None


def _bool(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise WrongAnswerError(f"`{where}` is not true or false")
    return value


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise WrongAnswerError(f"`{where}` is not a list")
    return value


def _members(value: object, where: str) -> Iterable[tuple[str, object]]:
    if not isinstance(value, dict):
        raise WrongAnswerError(f"`{where}` is not an object")
    return [(_category(name, where), entry) for name, entry in value.items()]


def _category(name: object, where: str) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_CATEGORY_LENGTH or not name.isprintable():
        raise WrongAnswerError(f"`{where}` holds something that is not the name of a category")
    return name
