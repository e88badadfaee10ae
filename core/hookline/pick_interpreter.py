"""Finding what a JMESPath expression says, with a bound on the work and on the memory that it takes.

A short expression can double what it is given at each step, so looking at the result is too late.
Imported by `hookline.picking` when the first expression is compiled.

Source: JMESPath specification, https://jmespath.org/specification.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from jmespath.functions import Functions
from jmespath.visitor import Options, TreeInterpreter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jmespath.visitor import _TreeNode as Node

    class Search(Protocol):
        """What `jmespath` hands to a function such as ``sort_by`` as its expression."""

        def visit(self, node: Node, value: object) -> object:
            """Return what a node finds."""
            ...


MAX_STEPS = 2_000_000
"""Most steps of one search: parts of the expression applied, items copied, and texts looked through."""

MAX_MADE = 20_000_000
"""Most characters of texts that one search makes."""

_CHARACTERS_PER_STEP = 1_000
"""How many characters are compared or looked through in the time that a step takes."""

_SORTING = frozenset({"sort", "sort_by"})
_MAKING = frozenset({"reverse", "join", "to_string"})


class TooMuchError(Exception):
    """An expression asks for too much; says of what."""


class _Work:
    """What one search may still do.

    Attributes:
        steps: How many steps are left.
        characters: How many characters it may still make.
    """

    __slots__ = ("characters", "steps")

    def __init__(self) -> None:
        self.steps = MAX_STEPS
        self.characters = MAX_MADE

    def take(self, steps: int) -> None:
        """Count steps before they are made.

        Raises:
            TooMuchError: If they are too many.
        """
        self.steps -= steps
        if self.steps < 0:
            raise TooMuchError(f"it takes more than {MAX_STEPS:,} steps")

    def read(self, characters: int) -> None:
        """Count characters before they are compared or looked through."""
        self.take(characters // _CHARACTERS_PER_STEP)

    def make(self, characters: int) -> None:
        """Count characters before they are made.

        Raises:
            TooMuchError: If they are too many.
        """
        self.characters -= characters
        if self.characters < 0:
            raise TooMuchError(f"it makes more than {MAX_MADE:,} characters of text")

    def weigh(self, value: object) -> int:
        """Count every value in a value as often as it stands there; return the characters of its texts."""
        if isinstance(value, str):
            return len(value)
        stack, characters = [value], 0
        while stack:
            one = stack.pop()
            if isinstance(one, str):
                characters += len(one)
            elif isinstance(one, (dict, list)):
                self.take(len(one))
                if isinstance(one, dict):
                    characters += sum(map(len, one))
                    stack += one.values()
                else:
                    stack += one
        self.read(characters)
        return characters


class PickInterpreter(TreeInterpreter):
    """Applies one expression to one value; used once.

    Raises:
        TooMuchError: Out of `visit`, if the expression asks for too much.
    """

    def __init__(self) -> None:
        self._work = _Work()
        super().__init__(Options(custom_functions=_PickFunctions(self._work)))

    def visit(self, node: Node, *args: object, **kwargs: object) -> object:
        """Return what a node of the expression finds in a value."""
        work = self._work
        work.steps -= 1
        if work.steps < 0:
            work.take(0)
        return super().visit(node, *args, **kwargs)

    def visit_flatten(self, node: Node, value: object) -> object:
        """Return a list with the items of the lists in it; None if it is no list."""
        base = self.visit(_child(node, 0), value)
        if not isinstance(base, list):
            return None
        self._work.take(len(base) + sum(len(item) for item in base if isinstance(item, list)))
        flat: list[object] = []
        for item in base:
            if isinstance(item, list):
                flat += item
            else:
                flat.append(item)
        return flat

    def visit_slice(self, node: Node, value: object) -> object:
        """Return a part of a list."""
        if isinstance(value, list):
            self._work.take(len(value))
        return super().visit_slice(node, value)

    def visit_comparator(self, node: Node, value: object) -> object:
        """Return whether two values compare as the expression says."""
        left, right = (self.visit(_child(node, number), value) for number in (0, 1))
        _count_comparison(self._work, left, right)
        children = [_literal(left), _literal(right)]
        return super().visit_comparator({**node, "children": children}, value)


class _PickFunctions(Functions):
    """The functions of the specification, each counted before it runs."""

    def __init__(self, work: _Work) -> None:
        self._work = work

    def call_function(self, function_name: str, resolved_args: Iterable[object]) -> object:
        work, resolved_args = self._work, list(resolved_args)
        for given in resolved_args:
            if isinstance(given, str):
                work.read(len(given))
            elif isinstance(given, (dict, list)):
                work.take(len(given))
        if function_name in _SORTING and resolved_args and isinstance(resolved_args[0], list):
            _count_sorting(work, resolved_args[0])
        elif function_name == "contains" and len(resolved_args) == 2 and isinstance(resolved_args[0], list):
            for item in resolved_args[0]:
                _count_comparison(work, item, resolved_args[1])
        elif function_name in ("min", "max") and resolved_args and isinstance(resolved_args[0], list):
            work.read(_characters(resolved_args[0]))
        elif function_name in _MAKING:
            work.make(_made(work, function_name, resolved_args))
        return super().call_function(function_name, resolved_args)

    def _create_key_func(self, expref: Search, allowed_types: Sequence[str], function_name: str) -> object:
        make = super()._create_key_func  # type: ignore[misc]  # the stub leaves it out
        key_of = make(expref, allowed_types, function_name)

        def counted(item: object) -> object:
            key = key_of(item)
            if isinstance(key, str):
                self._work.read(len(key) * 32)  # a list of 2³² items compares each as often when it is sorted
            return key

        return counted


def _made(work: _Work, function: str, given: Sequence[object]) -> int:
    """Return how many characters a function is about to make at most, but for escapes of JSON."""
    if function == "join" and len(given) == 2 and isinstance(given[1], list):
        between = len(given[0]) if isinstance(given[0], str) else 0
        return _characters(given[1]) + between * len(given[1])
    if len(given) != 1 or (function == "reverse" and not isinstance(given[0], str)):
        return 0
    if isinstance(given[0], str):
        return len(given[0]) if function == "reverse" else 0
    before = work.steps
    return work.weigh(given[0]) + (before - work.steps) * 8


def _count_sorting(work: _Work, items: list[object]) -> None:
    rounds = len(items).bit_length()
    work.take(len(items) * rounds // 8)
    work.read(_characters(items) * rounds)


def _count_comparison(work: _Work, left: object, right: object) -> None:
    """Count what comparing two values takes; those of other kinds or lengths differ at a glance."""
    if isinstance(left, str) and isinstance(right, str):
        work.read(min(len(left), len(right)))
    elif isinstance(left, list) and isinstance(right, list):
        work.weigh(left if len(left) == len(right) else [])
    elif isinstance(left, dict) and isinstance(right, dict):
        work.weigh(left if len(left) == len(right) else {})


def _characters(items: list[object]) -> int:
    return sum(len(item) for item in items if isinstance(item, str))


def _child(node: Node, number: int) -> Node:
    return node["children"][number]


def _literal(value: object) -> Node:
    return {"type": "literal", "value": value, "children": []}
