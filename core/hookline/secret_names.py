"""Which names only secrets have: members, parameters, headers and settings called a password or a key."""

from __future__ import annotations

import re
from functools import lru_cache

_STRONG = frozenset(
    {"password", "passwd", "pwd", "passphrase", "passcode", "secret", "credential", "authorization", "bearer"}
    | {"jwt", "signature", "sig", "apikey", "cookie"}
)
"""A name with one of these words is a secret's, wherever the word stands."""
_KINDS_OF_KEY = frozenset(
    {"api", "access", "private", "secret", "signing", "encryption", "master", "account", "shared", "auth"}
    | {"subscription", "license", "licence", "ssh", "hmac", "session", "service", "client", "app", "function"}
)
_VALUES = frozenset({"pem", "value", "text", "string", "hash", "base64", "der"})
_PLAIN_TOKENS = frozenset(
    {"page", "next", "previous", "prev", "continuation", "cursor", "sync", "delta", "max", "min", "stop"}
    | {
        "prompt",
        "completion",
        "total",
        "input",
        "output",
        "cached",
        "reasoning",
        "remaining",
        "limit",
        "reset",
    }
    | {"used", "special", "pad", "eos", "bos", "text", "audio", "image", "prediction", "accepted", "rejected"}
)
"""Tokens that continue a list, or that are counted."""
_DESCRIPTIONS = frozenset(
    {
        "name",
        "type",
        "kind",
        "count",
        "length",
        "url",
        "uri",
        "endpoint",
        "hint",
        "policy",
        "version",
        "label",
    }
    | {"expires", "expiry", "expiration", "at", "in", "required", "enabled", "algorithm", "ref", "status"}
    | {"description", "format", "method", "scheme", "size", "title", "file", "path", "env", "variable"}
    | {"header", "headers", "prefix", "field", "place", "created", "updated", "s"}
)
"""What says something of a secret and is none, when it is the last word."""
_TOGETHER = re.compile(
    r"(?:password|passwd|secret|credential|(?:access|auth|refresh|session|id|bearer|user|security)token"
    r"|(?:api|secret|private|access|auth)key)s?$"
)
"""Names that are written without anything between their words."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN = re.compile(r"[\W_]+")
_MAX_LENGTH = 200
PLAIN_ALONE = frozenset({"key", "keys", "token", "tokens", "sig"})
"""Names of secrets that, standing alone, are also names of much else."""


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Tell whether a name is a secret's, however written: `api_key`, `X-Api-Key`, `apiKey`, `user[pwd]`.

    Tokens that continue a list (`next_page_token`) or are counted (`max_tokens`) are none, and neither is
    what only describes a secret (`token_url`, `password_file`).
    """
    words = [word.lower() for word in _BETWEEN.split(_CAMEL.sub("_", name[-_MAX_LENGTH:])) if word]
    if not words:
        return False
    single = [word[:-1] if word.endswith("s") and len(word) > 1 else word for word in words]
    last = single[-1]
    if words[-1] in _DESCRIPTIONS or last in _DESCRIPTIONS:
        return False
    if not _STRONG.isdisjoint((*words, *single)) or _TOGETHER.search(words[-1]):
        return True
    while last in _VALUES and len(single) > 1:
        single.pop()
        last = single[-1]
    if last == "token":
        return _PLAIN_TOKENS.isdisjoint(single)
    return last == "key" and (len(single) == 1 or not _KINDS_OF_KEY.isdisjoint(single[:-1]))
