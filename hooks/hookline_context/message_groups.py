"""Which messages of a chat belong together, and which of them have to stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hookline_context.request_count import SYSTEM_ROLES

_RESULT_ROLES = ("tool", "function")


@dataclass(kw_only=True, slots=True)
class Group:
    """Messages that stay or go together.

    Attributes:
        indexes: Their places, in order.
        must_stay: Whether the conversation makes no sense without them.
    """

    indexes: list[int] = field(default_factory=list)
    must_stay: bool = False


def group_messages(messages: Sequence[object]) -> list[Group]:
    """Return the groups of a conversation, in the order of their first messages.

    A message of the model that calls tools belongs together with the results of those calls. System and
    developer messages have to stay, and so do the last message of the user and whatever ends the
    conversation, because that is what the model has to answer to.
    """
    groups: list[Group] = []
    group_of: list[Group] = []
    calls: dict[str, Group] = {}
    for index, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        group = None
        if isinstance(message, dict) and role in _RESULT_ROLES:
            called = message.get("tool_call_id")
            group = calls.get(called) if isinstance(called, str) else None
            if group is None and index and _has_calls(messages[group_of[-1].indexes[0]]):
                group = group_of[-1]
        if group is None:
            group = Group(must_stay=role in SYSTEM_ROLES)
            groups.append(group)
        group.indexes.append(index)
        group_of.append(group)
        if isinstance(message, dict):
            calls.update((id, group) for id in _call_ids(message))
    if groups:
        group_of[-1].must_stay = True
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if isinstance(message, dict) and message.get("role") == "user":
            group_of[index].must_stay = True
            break
    return groups


def _has_calls(message: object) -> bool:
    return isinstance(message, dict) and bool(message.get("tool_calls") or message.get("function_call"))


def _call_ids(message: dict[str, object]) -> list[str]:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return []
    ids = [call.get("id") for call in calls if isinstance(call, dict)]
    return [id for id in ids if isinstance(id, str)]
