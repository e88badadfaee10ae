"""The verdict on a plugin: what is proved, what its author says, and what is still to be answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hookline.quality.proofs import PROOFS
from hookline.quality.rules import ACTION_RULES, LEVELS, RULES, Level, Rule, rules_up_to

if TYPE_CHECKING:
    from hookline.quality.subject import Subject

Outcome = Literal["passed", "failed", "exempt", "done", "todo", "open"]
"""``done`` is the author's word for what cannot be proved; ``open`` is what nobody has answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What holds for one rule.

    Attributes:
        rule: The rule.
        outcome: What came out.
        findings: What contradicts it.
        reason: What the author says.
    """

    rule: Rule
    outcome: Outcome
    findings: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_met(self) -> bool:
        """Whether it stands in no level's way."""
        return self.outcome in ("passed", "exempt", "done")


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What holds for a plugin.

    Attributes:
        plugin: Its name.
        level: The level that was asked for.
        verdicts: One for each rule of that level and of those below.
        reached: The highest level of which every rule is met; None if not even bronze.
        problems: What is wrong with what its author says.
    """

    plugin: str
    level: Level
    verdicts: tuple[Verdict, ...]
    reached: Level | None
    problems: tuple[str, ...]

    @property
    def is_refuted(self) -> bool:
        """Whether something that can be proved for this level fails."""
        return bool(self.problems) or any(verdict.outcome == "failed" for verdict in self.verdicts)

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "plugin": self.plugin,
            "level": self.level,
            "ok": not self.is_refuted,
            "reached": self.reached,
            "rules": [
                {
                    "id": verdict.rule.id,
                    "level": verdict.rule.level,
                    "sentence": verdict.rule.sentence,
                    "outcome": verdict.outcome,
                    "findings": list(verdict.findings),
                    "reason": verdict.reason,
                }
                for verdict in self.verdicts
            ],
            "problems": list(self.problems),
        }


def judge(subject: Subject, *, level: Level) -> Judgement:
    """Return what holds for a plugin.

    Args:
        subject: The plugin.
        level: The level that is asked for; rules of those below are asked for as well.
    """
    verdicts = {rule.id: _verdict(rule, subject) for rule in RULES}
    reached: Level | None = None
    for one in LEVELS:
        if not all(verdicts[rule.id].is_met for rule in rules_up_to(one)):
            break
        reached = one
    wanted = [verdicts[rule.id] for rule in rules_up_to(level)]
    return Judgement(
        plugin=subject.info.name,
        level=level,
        verdicts=tuple(wanted),
        reached=reached,
        problems=tuple(subject.statement.problems),
    )


def _verdict(rule: Rule, subject: Subject) -> Verdict:
    if rule.id in ACTION_RULES and not subject.actions:
        return Verdict(rule=rule, outcome="passed", reason="it adds no action")
    answer = subject.statement.answers.get(rule.id)
    proof = PROOFS.get(rule.id)
    findings = proof(subject) if proof is not None else None
    reason = answer.reason if answer is not None else ""
    if answer is not None and answer.status == "exempt":
        return Verdict(rule=rule, outcome="exempt", findings=tuple(findings or ()), reason=reason)
    if findings is not None:
        told = list(findings)
        if told and answer is not None and answer.status == "done":
            told.insert(0, "quality.yaml says `done`, and it is not:")
        return Verdict(rule=rule, outcome="failed" if told else "passed", findings=tuple(told), reason=reason)
    if answer is None:
        return Verdict(rule=rule, outcome="open")
    return Verdict(rule=rule, outcome="done" if answer.status == "done" else "todo", reason=reason)
