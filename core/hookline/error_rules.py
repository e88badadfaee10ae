"""What a service means by its refusals, told by declaration."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from hookline.errors import ConfigurationError
from hookline.picking import compile_pick

ErrorKind = Literal[
    "rejected",
    "not_found",
    "invalid",
    "credential",
    "forbidden",
    "quota",
    "rate_limited",
    "unavailable",
    "timeout",
    "blocked",
]
"""What the caller should take it for; each is one class of `hookline.errors`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorRule:
    """One kind of refusal. The first rule that fits counts; without one the status alone decides.

    Attributes:
        kind: What it means.
        statuses: Statuses of the service that it is for; empty for any that is not 2xx. With 200 among them
            an answer that says it is none is an error too; then ``when`` is needed.
        when: JMESPath in the service's JSON that must be true.
        code: Machine-readable reason for our caller; the class's own by default.
        message: JMESPath of a text of the service that may be shown to callers.
        field: JMESPath of the name of the input field at fault.
        hint: What to do next.
        retry_after_s: JMESPath of the seconds to wait.
    """

    kind: ErrorKind
    statuses: tuple[int, ...] = ()
    when: str | None = None
    code: str | None = None
    message: str | None = None
    field: str | None = None
    hint: str | None = None
    retry_after_s: str | None = None


KINDS: tuple[str, ...] = get_args(ErrorKind)
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_MAX_RULES = 200


def check_rules(rules: Iterable[ErrorRule], *, where: str) -> tuple[ErrorRule, ...]:
    """Return rules that hold together.

    Args:
        rules: What is declared.
        where: Connector or action, for messages.

    Raises:
        ConfigurationError: If one does not; names it by its number.
    """
    found = tuple(rules)
    if len(found) > _MAX_RULES:
        raise ConfigurationError(f"{where}: `errors`: there are more than {_MAX_RULES} rules.")
    for number, rule in enumerate(found):
        _check(rule, f"{where}: `errors[{number}]`")
    return found


def _check(rule: ErrorRule, where: str) -> None:
    if not isinstance(rule, ErrorRule):
        raise ConfigurationError(f"{where}: it must be an ErrorRule, not {type(rule).__name__}.")
    if rule.kind not in KINDS:
        raise ConfigurationError(f"{where}: the kind {rule.kind!r} is none of {', '.join(KINDS)}.")
    for status in rule.statuses:
        if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
            raise ConfigurationError(f"{where}: {status!r} is no status of an answer.")
    if rule.when is None and any(status < 300 for status in rule.statuses):
        raise ConfigurationError(
            f"{where}: say with `when` which answers with a status of success are errors, or all would be."
        )
    if rule.code is not None and not _CODE.match(rule.code):
        raise ConfigurationError(f"{where}: the code {rule.code!r} must be like `card_declined`.")
    for name in ("when", "message", "field", "retry_after_s"):
        expression = getattr(rule, name)
        if expression is not None:
            compile_pick(expression, where=f"{where}.{name}")
