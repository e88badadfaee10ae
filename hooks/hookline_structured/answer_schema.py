"""A schema that a caller wrote, made ready to check an answer with; what is not sound is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from hookline.engine.explanation import Problem
from hookline.engine.validation import SchemaValidator
from hookline.errors import ConfigurationError, InvalidInputError
from hookline_structured.effort import count_steps
from hookline_structured.parsing import NotJsonError, read_json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

JsonObject = dict[str, object]

_MAX_STEPS = 100_000
_MAX_EXPLAINED_STEPS = 2_000  # telling what is wrong takes far longer than seeing that something is
_HINT = "Send a plain JSON Schema without references to other documents, or a simpler one."


class AnswerSchema:
    """Checks answers.

    Args:
        schema: What the caller asks for.
        field: Where it stands in the input, for messages.
        max_bytes: Largest size as JSON text.

    Raises:
        InvalidInputError: If it is too large, not valid, takes too long, or refers to another document;
            names the field.
    """

    def __init__(self, schema: JsonObject, *, field: str, max_bytes: int) -> None:
        self._field = field
        if len(orjson.dumps(schema)) > max_bytes:
            raise self._refusal(f"is larger than {max_bytes:,} bytes")
        # What a schema is called and which draft it was written for makes no difference to a plain one.
        plain = {name: value for name, value in schema.items() if name not in ("$schema", "$id")}
        if any(name in one for one in _parts(plain) for name in ("$id", "$schema")):
            raise self._refusal("has `$id` or `$schema` in one of its parts")
        if count_steps(plain, None, most=_MAX_STEPS) >= _MAX_STEPS:
            raise self._refusal("refers to itself too often")
        try:
            self._validator = SchemaValidator(plain, name=f"`{field}`", is_foreign=True)
        except ConfigurationError as exc:
            raise self._refusal(f"is no JSON Schema that can be checked: {exc.message}") from exc
        self._schema = plain

    def read(self, text: str) -> tuple[object, list[Problem]]:
        """Return the value of an answer, and what is wrong with it; no problem means that it fits."""
        try:
            value = read_json_text(text)
        except NotJsonError:
            return None, [Problem(field="", message="The answer is not JSON.")]
        steps = count_steps(self._schema, value, most=_MAX_STEPS)
        if steps >= _MAX_STEPS:
            return None, [Problem(field="", message="The answer is too large to be checked.")]
        if self._validator.fits(value):
            return value, []
        problems = self._validator.problems(value) if steps <= _MAX_EXPLAINED_STEPS else []
        return None, problems or [Problem(field="", message="The answer does not fit the schema.")]

    def _refusal(self, problem: str) -> InvalidInputError:
        return InvalidInputError(f"`{self._field}` {problem}.", field=self._field, hint=_HINT)


def _parts(schema: object) -> Iterator[JsonObject]:
    """Yield every object in a schema; one whose members are called by a caller's own names too."""
    waiting: list[object] = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if isinstance(one.get("$id"), str) or isinstance(one.get("$schema"), str):
                yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
