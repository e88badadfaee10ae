"""Parameters that a model does not take: renamed, refused or left out before the service refuses the call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookline.errors import InvalidInputError
from hookline_openai.model_table import SAMPLING_FIELDS

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline_lifecycle.options import LifecycleOptions
    from hookline_openai.model_table import ModelInfo, ReasoningRules

# What forms send for a field that was left alone: as good as not sending it.
_IDLE: dict[str, tuple[object, ...]] = {
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "presence_penalty": (0,),
    "stop": ("", []),
    "top_p": (1,),
}


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A field that the model does not take as it is.

    Attributes:
        field: Its name.
        rule: What the model takes instead, or why not; empty if there is no more to say.
    """

    field: str
    rule: str = ""

    def __str__(self) -> str:
        return f"`{self.field}`" + (f" ({self.rule})" if self.rule else "")


def fit_parameters(
    call: Call,
    body: JsonObject,
    info: ModelInfo,
    options: LifecycleOptions,
    *,
    asked: ModelInfo | None = None,
) -> JsonObject:
    """Return a body that its model takes: the one given, or a changed copy.

    ``max_tokens`` is renamed where a model only knows ``max_completion_tokens``. A field that a model refuses
    although it sets nothing, such as a penalty of 0, is left out without a word.

    Args:
        call: The call; its caller is told what was left out.
        body: The request's body.
        info: The model that will answer.
        options: What to do with fields that are not taken.
        asked: The model that was asked for, if ``info`` takes its place.

    Raises:
        InvalidInputError: If the model does not take a field that is not to be left out.
    """
    rules = info.reasoning
    if rules is not None and body.get("max_tokens") is not None and "max_tokens" in rules.always_rejected:
        body = _rename_limit(body, info)
    if options.on_unsupported == "pass":
        return body
    refused = list(_refused(body, info, asked))
    if not refused:
        return body
    problems = [one for one in refused if not _is_idle(one.field, body[one.field])]
    if problems and options.on_unsupported == "error":
        raise _refusal(call, info, asked, problems)
    for one in _of_the_caller(call, problems):
        why = one.rule or "the model does not take it"
        call.record.warn("parameter_dropped", f"`{one.field}` was left out for `{info.id}`: {why}.")
    left_out = {one.field for one in refused}
    return {name: value for name, value in body.items() if name not in left_out}


def _rename_limit(body: JsonObject, info: ModelInfo) -> JsonObject:
    if body.get("max_completion_tokens") is not None:
        raise InvalidInputError(
            "Give either `max_tokens` or `max_completion_tokens`, not both.",
            code="invalid_parameter_combination",
            field="max_tokens",
            hint=f"`{info.id}` takes `max_completion_tokens`; the gateway writes `max_tokens` as that.",
        )
    renamed = {"max_tokens": "max_completion_tokens"}
    return {renamed.get(name, name): value for name, value in body.items() if name != "max_completion_tokens"}


def _refused(body: JsonObject, info: ModelInfo, asked: ModelInfo | None) -> Iterator[Unsupported]:
    """Yield each field that is set and that the service would refuse, also where it sets nothing."""
    rules = info.reasoning
    if rules is None:
        if info.kind == "chat" and body.get("reasoning_effort") is not None:
            yield Unsupported("reasoning_effort", "the model does not reason")
        if info.supports_dimensions_param is False and body.get("dimensions") is not None:
            yield Unsupported("dimensions")
    else:
        yield from _refused_by_rules(body, rules)
        if "logit_bias" in rules.always_rejected:
            return
    if asked is not None and asked.encoding != info.encoding and body.get("logit_bias") is not None:
        yield Unsupported("logit_bias", f"the tokens of `{asked.id}` have other numbers")


def _refused_by_rules(body: JsonObject, rules: ReasoningRules) -> Iterator[Unsupported]:
    for name in rules.always_rejected:
        if name != "max_tokens" and body.get(name) is not None:
            yield Unsupported(name)
    effort = body.get("reasoning_effort")
    if effort is not None and rules.effort_values is not None and effort not in rules.effort_values:
        yield Unsupported("reasoning_effort", f"only {_listed(rules.effort_values)}")
        effort = None
    if rules.sampling_params == "rejected":
        way_out = ""
    elif effort == "none" or (effort is None and rules.sampling_params == "accepted_at_default_effort_none"):
        return
    else:
        way_out = "only with `reasoning_effort` `none`"
    for name in SAMPLING_FIELDS:
        value = body.get(name)
        if value is None:
            continue
        if name != "temperature":
            yield Unsupported(name, way_out)
        elif value != 1:
            yield Unsupported(name, "only 1" + (", or with `reasoning_effort` `none`" if way_out else ""))


def _is_idle(name: str, value: object) -> bool:
    """Tell whether a value sets nothing; JSON's true is not 1, and false is not 0."""
    return any(
        value == idle and isinstance(value, bool) == isinstance(idle, bool) for idle in _IDLE.get(name, ())
    )


def _of_the_caller(call: Call, problems: list[Unsupported]) -> list[Unsupported]:
    """Return the problems with fields that the caller sent, and not those that follow from them."""
    return [one for one in problems if one.field in call.input] or problems


def _refusal(
    call: Call, info: ModelInfo, asked: ModelInfo | None, problems: list[Unsupported]
) -> InvalidInputError:
    named = _of_the_caller(call, problems)
    model = f"`{info.id}`" if asked is None else f"`{info.id}`, which takes the place of `{asked.id}`,"
    return InvalidInputError(
        f"The model {model} does not take {', '.join(map(str, named))}.",
        code="unsupported_parameter",
        field=named[0].field,
        hint=f"Leave {'it' if len(named) == 1 else 'them'} out, or choose another model.",
        details={
            "problems": [
                {"field": one.field, "message": one.rule or "The model does not take it."} for one in named
            ]
        },
    )


def _listed(values: tuple[str, ...]) -> str:
    return " or ".join(f"`{value}`" for value in values)
