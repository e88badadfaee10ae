"""What a client may tell a person about a tool, as far as it is known.

The protocol takes a tool whose `destructiveHint` is missing for one that may destroy something. So `false` is
said only of actions that change nothing, and of those whose verb is known to work on what it is given or to
add something; `true` where a word of the verb takes something away or puts something in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.action import JsonObject

_DESTRUCTIVE = frozenset(
    {
        *("abort", "archive", "ban", "block", "cancel", "change", "clear", "close", "deactivate", "delete"),
        *("destroy", "detach", "disable", "disconnect", "drop", "empty", "erase", "expire", "flush", "kill"),
        *("merge", "modify", "move", "overwrite", "patch", "purge", "put", "reject", "remove", "rename"),
        *("replace", "reset", "restore", "revert", "revoke", "rollback", "set", "stop", "suspend"),
        *("terminate", "trash", "truncate", "uninstall", "unpublish", "unsubscribe", "update", "upsert"),
        *("wipe", "write"),
    }
)
_HARMLESS = frozenset(
    {
        # They read.
        *("check", "count", "describe", "export", "fetch", "find", "get", "list", "look", "lookup", "read"),
        *("search", "show", "validate", "verify"),
        # They make something of what they are given.
        *("analyze", "ask", "chat", "classify", "compare", "complete", "compute", "convert", "detect"),
        *("embed", "estimate", "extract", "generate", "moderate", "parse", "predict", "preview", "rank"),
        *(
            "render",
            "rerank",
            "rewrite",
            "score",
            "speak",
            "summarize",
            "tokenize",
            "transcribe",
            "translate",
        ),
        # They add.
        *("add", "append", "create", "draft", "insert"),
    }
)
# An `edit` without an object makes a new text of the one that it is given; `edit_contact` is another thing.
_HARMLESS_ALONE = frozenset({"edit"})
# What was paid or sent cannot be taken back, though nothing was deleted: the hint says nothing about it.
_GRAVE = frozenset(
    {
        *("all", "buy", "charge", "deploy", "execute", "invoice", "money", "order", "pay", "payment"),
        *("payout", "publish", "purchase", "refund", "run", "send", "submit", "transaction", "transfer"),
    }
)


def is_destructive(verb: str, *, is_read_only: bool) -> bool | None:
    """Tell whether an action may destroy something; None if that is not known.

    Args:
        verb: Second half of its id.
        is_read_only: Whether a call changes nothing.
    """
    words = verb.split("_")
    if is_read_only or verb in _HARMLESS_ALONE:
        return False
    if not _DESTRUCTIVE.isdisjoint(words):
        return True
    return False if words[0] in _HARMLESS and _GRAVE.isdisjoint(words) else None


def annotations_of(*, verb: str, title: str, is_read_only: bool, is_idempotent: bool) -> JsonObject:
    """Return the hints of a tool."""
    hints: JsonObject = {"title": title, "readOnlyHint": is_read_only}
    destructive = is_destructive(verb, is_read_only=is_read_only)
    if destructive is not None:
        hints["destructiveHint"] = destructive
    hints["idempotentHint"] = is_idempotent
    hints["openWorldHint"] = True  # each action asks a service outside
    return hints
