"""``POST /v1/moderations``: a few telling words decide, the same way each time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hookline_sandbox.errors import ApiError, missing
from hookline_sandbox.exchange import Exchange, Outcome
from hookline_sandbox.fields import array, by_type, record, string, tagged
from hookline_sandbox.models import resolve
from hookline_sandbox.wire import JsonObject, derive

DEFAULT_MODEL = "omni-moderation-latest"

# All words of a row must be there, each where a word begins: "kill" is found in "killed" but not in "skill".
_WORDS: Mapping[str, Sequence[str]] = {
    "hate": ("hate",),
    "hate threat": ("hate", "hate/threatening"),
    "insult": ("harassment",),
    "idiot": ("harassment",),
    "threaten": ("harassment", "harassment/threatening"),
    "kill": ("violence",),
    "violence": ("violence",),
    "gore": ("violence", "violence/graphic"),
    "drugs": ("illicit",),
    "bomb": ("illicit", "illicit/violent"),
    "self-harm": ("self-harm",),
    "suicide": ("self-harm", "self-harm/intent"),
    "hurt myself": ("self-harm", "self-harm/intent"),
    "how to self-harm": ("self-harm", "self-harm/instructions"),
    "sexual": ("sexual",),
    "sexual minors": ("sexual", "sexual/minors"),
}
CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_SEEN_IN_IMAGES = frozenset(
    {"self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "violence", "violence/graphic"}
)
_FLAGGED_SCORE = 0.9
_UNFLAGGED_SCORE_AT_MOST = 0.01

_IMAGE = record({"url": string(min_length=1)}, required=("url",))
_PART = tagged(
    {
        "text": record({"type": string(), "text": string()}, required=("text",)),
        "image_url": record({"type": string(), "image_url": _IMAGE}, required=("image_url",)),
    }
)
_ITEM = by_type("a string or an object", string=string(), dict=_PART)
_REQUEST = record(
    {
        "input": by_type("a string or an array", string=string(), list=array(_ITEM, minimum=1)),
        "model": string(),
    }
)


def moderate(exchange: Exchange) -> Outcome:
    """Answer a moderation request; what is flagged is a success like any other.

    Raises:
        ApiError: If the real service would refuse the request.
    """
    body = exchange.body
    if "input" not in body:
        raise missing("input")
    _REQUEST(body, "")
    model = body.get("model", DEFAULT_MODEL)
    resolve(model, "moderation", endpoint="v1/moderations", today=exchange.today)
    given = body["input"]
    if isinstance(given, str):
        results = [moderate_text(given)]
    elif all(isinstance(item, str) for item in given):
        results = [moderate_text(item) for item in given]
    elif all(isinstance(item, dict) for item in given):
        texts = [item["text"] for item in given if item["type"] == "text"]
        images = [item["image_url"]["url"] for item in given if item["type"] == "image_url"]
        results = [_result(" ".join(texts) if texts else None, " ".join(images) if images else None)]
    else:
        raise ApiError("Invalid 'input': strings and objects cannot be mixed.", param="input")
    served = "omni-moderation-2024-09-26" if model == DEFAULT_MODEL else model
    return Outcome(body={"id": f"modr-{exchange.digest[:24]}", "model": served, "results": results})


def moderate_text(text: str) -> JsonObject:
    """Return the moderation result of one text."""
    return _result(text, None)


def _result(text: str | None, image: str | None) -> JsonObject:
    flagged = _categories_in(text or "") | (_categories_in(image or "") & _SEEN_IN_IMAGES)
    return {
        "flagged": bool(flagged),
        "categories": {name: name in flagged for name in CATEGORIES},
        "category_scores": {name: _score(name, name in flagged, text, image) for name in CATEGORIES},
        "category_applied_input_types": {
            name: [
                *(["text"] if text is not None else []),
                *(["image"] if image is not None and name in _SEEN_IN_IMAGES else []),
            ]
            for name in CATEGORIES
        },
    }


def _categories_in(text: str) -> set[str]:
    return {
        name
        for words, names in _WORDS.items()
        if all(re.search(rf"\b{word}", text, re.IGNORECASE) for word in words.split())
        for name in names
    }


def _score(name: str, is_flagged: bool, text: str | None, image: str | None) -> float:
    noise = int(derive(name, text, image)[:8], 16) / 0xFFFFFFFF * _UNFLAGGED_SCORE_AT_MOST
    return round(_FLAGGED_SCORE + noise if is_flagged else noise, 6)
