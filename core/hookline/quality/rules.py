"""The rules of quality, in three levels: bronze can be used, silver can be relied on, gold is a pleasure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["bronze", "silver", "gold"]
LEVELS: tuple[Level, ...] = ("bronze", "silver", "gold")

ASK = "ask"
"""How a rule is proved that only its author can answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: Its name, as in ``quality.yaml``.
        level: The level that asks for it.
        sentence: What is asked.
        why: What it is good for.
        proof: How it is proved; ``ask`` if only its author can answer.
    """

    id: str
    level: Level
    sentence: str
    why: str
    proof: str

    @property
    def is_provable(self) -> bool:
        """Whether there is a proof."""
        return self.proof != ASK


def _bronze(id: str, sentence: str, why: str, proof: str) -> Rule:
    return Rule(id=id, level="bronze", sentence=sentence, why=why, proof=proof)


def _silver(id: str, sentence: str, why: str, proof: str) -> Rule:
    return Rule(id=id, level="silver", sentence=sentence, why=why, proof=proof)


def _gold(id: str, sentence: str, why: str, proof: str) -> Rule:
    return Rule(id=id, level="gold", sentence=sentence, why=why, proof=proof)


RULES: tuple[Rule, ...] = (
    _bronze(
        "loads",
        "The plugin loads, and breaks no rule of hooks.",
        "A plugin that is refused does nothing.",
        "it is loaded",
    ),
    _bronze(
        "named-alike",
        "Distribution, package and entry point have one name: `hookline-acme`, `hookline_acme`, `acme`.",
        "Who sees one of them finds the others.",
        "metadata",
    ),
    _bronze(
        "licence",
        "The distribution states its licence.",
        "Without one nobody may use it.",
        "metadata",
    ),
    _bronze(
        "readme",
        "The distribution has a README that says what the plugin does.",
        "It is what people read before they install it.",
        "metadata",
    ),
    _bronze(
        "python-versions",
        "The distribution says which versions of Python it runs on.",
        "Installers choose a release by it.",
        "metadata",
    ),
    _bronze(
        "typed",
        "The package holds `py.typed`.",
        "Type checkers read its annotations only then.",
        "files of the package",
    ),
    _bronze(
        "quiet-import",
        "Importing the package reads no file, opens no connection and starts nothing.",
        "It is imported for every command, also for `--help`.",
        "its syntax tree",
    ),
    _bronze(
        "actions-described",
        "Every action has a title and a description.",
        "They are all that a builder sees of it.",
        "the catalog",
    ),
    _bronze(
        "fields-described",
        "Every field of an input has a title or a description.",
        "They become the labels of forms.",
        "the catalog",
    ),
    _bronze(
        "actions-sampled",
        "Every action has a sample, whose input and output satisfy the schemas.",
        "Platforms show it, and map its output before a first call.",
        "the catalog",
    ),
    _bronze(
        "options-described",
        "Every option has a default and a description.",
        "A plugin works without being configured, and `hookline config schema` explains it.",
        "its model of options",
    ),
    _silver(
        "api-version",
        "The plugin states its `api_version`.",
        "A release of Hookline that it does not fit says so instead of failing somewhere.",
        "the plugin",
    ),
    _silver(
        "hookline-bounded",
        "The distribution requires `hookline` with a lowest version.",
        "It is not installed beside one that lacks what it needs.",
        "metadata",
    ),
    _silver(
        "nothing-deprecated",
        "Nothing is used that is going to go.",
        "The next release of Hookline does not break it.",
        "hooks and syntax tree",
    ),
    _silver(
        "public-names",
        "Only public modules of Hookline are imported.",
        "Others change without notice.",
        "its syntax tree",
    ),
    _silver(
        "no-prints",
        "Nothing is printed; messages go to a logger.",
        "Commands print JSON for programs, and a log has levels.",
        "its syntax tree",
    ),
    _silver(
        "errors-mapped",
        "Errors of the service become errors that say what to do.",
        "A builder reads the status and one sentence.",
        "rules of errors, or `hookline_map_error`",
    ),
    _silver(
        "credential-declared",
        "The connector says where the service expects its credential.",
        "It is encrypted, bound to its origin and kept out of logs only then.",
        "the connector",
    ),
    _silver(
        "hints-stated",
        "Actions that only read say so.",
        "They are tried again and shown as searches.",
        "methods of the endpoints",
    ),
    _silver(
        "dropdown-sources",
        "Fields that hold an id of the service have a source of options.",
        "Nobody knows ids by heart.",
        ASK,
    ),
    _silver(
        "tests",
        "There are tests, and they use the conformance suite of `hookline.testing`.",
        "What all plugins promise is checked in one place.",
        "files beside the package; ask where there are none",
    ),
    _silver(
        "changelog",
        "There is a changelog, and the distribution links to it.",
        "Who updates knows what changes.",
        "metadata",
    ),
    _silver(
        "reachable",
        "The distribution says where problems are reported.",
        "Somebody can help.",
        "metadata",
    ),
    _gold(
        "annotated",
        "Every function states the types of its arguments and of what it returns.",
        "A type checker finds mistakes before a user does.",
        "its syntax tree",
    ),
    _gold(
        "outputs-described",
        "Every field of an output has a title or a description.",
        "They are what the next step of a flow chooses from.",
        "the catalog",
    ),
    _gold(
        "connection-test",
        "The connector names an action that tells whether a connection works.",
        "Platforms try an account when it is added.",
        "the connector",
    ),
    _gold(
        "exports-whole",
        "No export has to simplify an action.",
        "Every platform can do all of it.",
        "all exports",
    ),
    _gold(
        "documentation",
        "The distribution links to a page of documentation.",
        "Examples and limits have a place.",
        "metadata",
    ),
    _gold(
        "recordings",
        "Tests replay answers that the real service gave.",
        "They tell when reality has moved on.",
        ASK,
    ),
    _gold(
        "streaming",
        "Actions stream where the service does.",
        "People see the first word at once.",
        ASK,
    ),
    _gold(
        "metered",
        "What costs money has a meter.",
        "Limits and budgets hold for it.",
        ASK,
    ),
)

ACTION_RULES = frozenset(
    {
        "actions-described",
        "fields-described",
        "actions-sampled",
        "errors-mapped",
        "credential-declared",
        "hints-stated",
        "dropdown-sources",
        "outputs-described",
        "connection-test",
        "exports-whole",
        "recordings",
        "streaming",
        "metered",
    }
)
"""Rules for plugins that add actions; others meet them as they are."""

RULES_BY_ID = {rule.id: rule for rule in RULES}


def rules_up_to(level: Level) -> list[Rule]:
    """Return the rules of a level and of those below it."""
    wanted = LEVELS[: LEVELS.index(level) + 1]
    return [rule for rule in RULES if rule.level in wanted]
