"""Checking an answer against its schema, with one repair; then the caller gets data or a plain no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.errors import AnswerMismatchError, HooklineError
from hookline.text import join_sentences
from hookline_structured.answer_schema import AnswerSchema
from hookline_structured.parsing import parse_json_text, schema_in, wants_json

if TYPE_CHECKING:
    from hookline import Call, Response
    from hookline.action import JsonObject
    from hookline.engine.explanation import Problem
    from hookline_structured.options import StructuredOptions

_STATE = "structured"
_REPAIRS = "structured.repairs"
_REPAIRABLE = "openai.chat"
_LEAST_S = 1.0
_CUT_HINT = "The answer was cut at its limit: ask for more output tokens, or for less."


def prepare(call: Call, options: StructuredOptions) -> None:
    """Make the schema of a call ready, if its action has room for a parsed value.

    Raises:
        InvalidInputError: If it cannot be checked; names the field.
    """
    properties = call.action.output_schema.get("properties")
    found = schema_in(call.input)
    if options.check and found is not None and isinstance(properties, dict) and "parsed" in properties:
        field, schema = found
        call.state[_STATE] = AnswerSchema(schema, field=field, max_bytes=options.max_schema_bytes)


def finish(call: Call, response: Response, options: StructuredOptions) -> None:
    """Fill ``parsed`` of an output.

    Raises:
        AnswerMismatchError: If the answer does not fit its schema, also after the repair.
    """
    output = response.output
    text = output.get("text")
    if not isinstance(text, str) or not wants_json(call.input):
        return
    schema = call.state.get(_STATE)
    if not isinstance(schema, AnswerSchema):
        output["parsed"] = parse_json_text(text)
        return
    if output.get("refusal") or output.get("tool_calls"):
        return  # this is no answer yet, or never will be
    value, problems = schema.read(text)
    if not problems:
        output["parsed"] = value
        return
    if output.get("finish_reason") == "length" or output.get("incomplete"):
        raise _mismatch(text, problems, hint=_CUT_HINT)
    if not _may_repair(call, options):
        raise _mismatch(text, problems)
    _repair(call, response, schema, problems)


def _may_repair(call: Call, options: StructuredOptions) -> bool:
    """Tell whether to ask once more; not where text has gone to the caller, nor in a repair."""
    return (
        options.repair
        and call.action.id == _REPAIRABLE
        and not call.is_stream
        and not call.record.is_composed
        and not (call.parent is not None and _REPAIRS in call.parent.state)
        and not call.cancellation.is_cancelled
        and call.remaining_s() > _LEAST_S
    )


def _repair(call: Call, response: Response, schema: AnswerSchema, problems: list[Problem]) -> None:
    from hookline_structured.repair import add_usage, correction_of

    output = response.output
    text = str(output["text"])
    call.state[_REPAIRS] = True
    try:
        repaired = call.run(_REPAIRABLE, correction_of(call.input, text, problems))
    except AnswerMismatchError as exc:
        raise _again(exc) from exc
    except HooklineError as exc:
        raise _mismatch(text, problems, repair=exc) from exc
    value, problems = schema.read(str(repaired.get("text")))
    if problems or repaired.get("refusal"):
        raise _mismatch(str(repaired.get("text")), problems or [_refused()], is_second=True)
    output.update(
        {name: repaired[name] for name in ("text", "finish_reason", "model", "id") if name in repaired}
    )
    output["parsed"] = value
    output["usage"] = add_usage(output.get("usage"), repaired.get("usage"))
    call.record.warn(
        "structured_repaired", "The first answer did not fit the schema; the model was asked once more."
    )


def _refused() -> Problem:
    from hookline.engine.explanation import Problem

    return Problem(field="", message="The model declined to correct its answer.")


def _mismatch(
    text: str,
    problems: list[Problem],
    *,
    hint: str | None = None,
    repair: HooklineError | None = None,
    is_second: bool = False,
) -> AnswerMismatchError:
    details: JsonObject = {
        "text": text,
        "problems": [{"field": one.field, "message": one.message} for one in problems],
    }
    after = " It was asked once more." if is_second else ""
    if repair is not None:
        after = f" It could not be asked once more: {repair.message}"
    return AnswerMismatchError(
        join_sentences(f"The model's answer does not fit the schema: {_listed(problems)}") + after,
        hint=hint,
        details=details,
    )


def _again(error: AnswerMismatchError) -> AnswerMismatchError:
    """Return the error of a repair as one of the call that wanted it."""
    hint = None if error.hint == AnswerMismatchError.hint else error.hint
    return AnswerMismatchError(
        f"{error.message} It was asked once more.", hint=hint, details=dict(error.details)
    )


def _listed(problems: list[Problem]) -> str:
    return "; ".join(str(one).rstrip(".") for one in problems[:3])
