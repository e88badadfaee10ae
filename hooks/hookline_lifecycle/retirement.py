"""What happens to a call on a model that is on its way out or gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.errors import RequestRejectedError
from hookline_lifecycle.marks import mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookline.call import Call
    from hookline_lifecycle.options import LifecycleOptions
    from hookline_lifecycle.standing import Outlook, Standing

_PLACES = {
    "chat": ("openai.chat", "/v1/chat/completions"),
    "completion": ("openai.complete", "/v1/completions"),
    "embedding": ("openai.embed", "/v1/embeddings"),
    "moderation": ("openai.moderate", "/v1/moderations"),
    "responses_only": (None, "/v1/responses"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Successor:
    """What takes the place of a retired model.

    Attributes:
        model: Its id; None if nothing is known to.
        note: What else is to be known, such as another choice.
        kind: What it is made for; None if it is not in the table.
    """

    model: str | None
    note: str | None = None
    kind: str | None = None


def find_successor(model: str, outlook: Outlook, replacements: Mapping[str, str]) -> Successor:
    """Return the first model that is still served on the way from one replacement to the next.

    A fine-tuned model has no replacement but one that ``replacements`` names, by its own id or by the
    ``ft:`` name of its row: what replaces its base was not tuned.
    """
    seen = {model}
    at = model
    while True:
        info = outlook.table.find(at)
        name = replacements.get(at) or (None if info is None else replacements.get(info.id))
        note = None
        if name is None and info is not None and not at.startswith("ft:"):
            name, note = info.replacement, info.replacement_note
        if name is None or name in seen:
            return Successor(model=None, note=note if name is None else None)
        if not outlook.is_retired(name):
            successor = outlook.table.find(name)
            return Successor(model=name, note=note, kind=None if successor is None else successor.kind)
        seen.add(name)
        at = name


def settle_model(
    call: Call,
    model: str,
    standing: Standing,
    outlook: Outlook,
    options: LifecycleOptions,
    *,
    serves: frozenset[str],
) -> str:
    """Return the model to ask: the one that was named, or what replaces it. Says so either way.

    Args:
        call: The call; its caller is told by headers and warnings.
        model: What the caller named.
        standing: How it stands.
        outlook: What is known about the others.
        options: What to do with a retired one.
        serves: Kinds of models that the endpoint can be served by.

    Raises:
        RequestRejectedError: With code ``model_retired``, if the model is gone and nothing takes its place.
    """
    successor = find_successor(model, outlook, options.replacements)
    if not standing.is_certain:
        call.record.warn("model_deprecated", _rumour(model, standing))
        return model
    mark(call, deprecated_on=standing.deprecated_on, ends_on=standing.ends_on)
    if standing.state == "deprecated":
        advice = f" Move to {_named(successor)}." if successor.model else ""
        tense = "ended" if standing.ends_on <= outlook.today else "ends"
        call.record.warn("model_deprecated", f"The model `{model}` {tense} on {standing.ends_on}.{advice}")
        return model
    if options.on_retired == "pass":
        call.record.warn("model_retired", f"The model `{model}` was retired on {standing.ends_on}.")
        return model
    fits = successor.kind is None or successor.kind in serves
    if options.on_retired == "error" or successor.model is None or not fits:
        raise RequestRejectedError(
            f"The model `{model}` was retired on {standing.ends_on}.",
            code="model_retired",
            status=404 if call.door == "wire" else 400,
            field="model",
            hint=_advice(call, successor, fits=fits),
        )
    call.record.warn("model_replaced", _replaced(model, standing, successor))
    return successor.model


def _named(successor: Successor) -> str:
    return f"`{successor.model}`" + (f" ({successor.note})" if successor.note else "")


def _advice(call: Call, successor: Successor, *, fits: bool) -> str:
    if successor.model is None:
        known = f" ({successor.note})" if successor.note else ""
        return f"No replacement is known{known}; choose another model."
    if fits and not (successor.kind == "chat" and call.action.id == "openai.complete"):
        return f"Use {_named(successor)}."
    action, path = _PLACES.get(str(successor.kind), (None, None))
    place = path if call.door == "wire" or action is None else f"the action `{action}`"
    return f"Use {_named(successor)}" + (f" with {place}." if place else ", which another endpoint serves.")


def _replaced(model: str, standing: Standing, successor: Successor) -> str:
    text = f"The model `{model}` was retired on {standing.ends_on}, so `{successor.model}` was asked instead."
    if successor.kind == "embedding":
        text += " Vectors of the two cannot be compared: embed again what you have stored."
    return text


def _rumour(model: str, standing: Standing) -> str:
    verb = "retired" if standing.state == "retired" else "will retire"
    return f"OpenAI {verb} its model `{model}` on {standing.ends_on}. This server may go on with it."
