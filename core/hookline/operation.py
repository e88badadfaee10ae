"""What a route takes and answers, so that exports can describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.action import JsonObject


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A variable part of a route's path, or a parameter of its query.

    Attributes:
        name: Its name.
        description: What it means.
        schema: JSON Schema of its value.
        is_in_path: Whether it is part of the path; else it belongs to the query and may be left out.
    """

    name: str
    description: str
    schema: JsonObject = field(default_factory=lambda: {"type": "string"})
    is_in_path: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Where an answer leads: another operation, and what to ask it with.

    Attributes:
        operation: Id of the operation.
        parameters: Its parameters by name, as runtime expressions such as ``$response.body#/id``.
        description: What is there.
    """

    operation: str
    parameters: Mapping[str, str]
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a route answers with one status.

    Attributes:
        description: When it does.
        schema: JSON Schema of the body; None if there is none.
        headers: What its headers mean, by name.
        links: Where it leads, by name.
    """

    description: str
    schema: JsonObject | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """A route as others read it. Errors need no mention: they have one shape for all.

    Attributes:
        id: Name in the manner of action ids, such as ``jobs.result``.
        title: Label.
        description: What it does.
        group: Heading that it stands under.
        answers: What it answers, by status.
        parameters: Parts of its path and query.
        body: JSON Schema of the body; None if it takes none.
        example: A body that fits.
    """

    id: str
    title: str
    description: str
    group: str
    answers: Mapping[int, Answer]
    parameters: tuple[Parameter, ...] = ()
    body: JsonObject | None = field(default=None, repr=False)
    example: JsonObject | None = field(default=None, repr=False)
