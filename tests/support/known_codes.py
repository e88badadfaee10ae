"""The codes of errors and warnings that the product can answer with, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# The simulated service says what OpenAI would say; its codes are the service's, not the gateway's.
ROOTS = ("core/hookline", "connectors", "hooks")
NOT_OURS = ("connectors/hookline_sandbox",)
# What is found in a document that is imported stands in a report, and is no error.
FINDINGS = ("core/hookline/importing/reasons.py",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """One place that states a code.

    Attributes:
        code: The code.
        file: The file, from the root of the project.
        is_warning: Whether a caller is warned with it, or refused.
    """

    code: str
    file: str
    is_warning: bool

    @property
    def source(self) -> str:
        """Who states it: ``hookline`` for the core, else the name of the plugin."""
        return self.file.split("/")[1].removeprefix("hookline_")


@cache
def find_uses(root: Path) -> list[Use]:
    """Return every place of the product that states a code."""
    files = [path for folder in ROOTS for path in sorted((root / folder).rglob("*.py"))]
    named = {str(path.relative_to(root)): ast.parse(path.read_text("utf-8")) for path in files}
    trees = {name: tree for name, tree in named.items() if not name.startswith((*NOT_OURS, *FINDINGS))}
    everywhere = {name: text for tree in trees.values() for name, text in _constants(tree).items()}
    return [use for name, tree in trees.items() for use in _uses(tree, name, everywhere)]


def _uses(tree: ast.Module, file: str, everywhere: dict[str, str]) -> Iterator[Use]:
    constants = everywhere | _constants(tree)
    places, warning = _places_of_codes(tree), _functions_that_warn(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for code in _class_codes(node):
                yield Use(code=code, file=file, is_warning=False)
    for call, function in _calls(tree, None):
        is_warning = _is_warning(call)
        given = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        place = 0 if is_warning else places.get(name)
        if place is not None and place < len(call.args):
            given.append(call.args[place])
        for value in given:
            for code in _texts(value, constants, function):
                yield Use(code=code, file=file, is_warning=is_warning or name in warning)


def _calls(
    node: ast.AST, function: ast.FunctionDef | None
) -> Iterator[tuple[ast.Call, ast.FunctionDef | None]]:
    """Yield every call with the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child, function
        yield from _calls(child, child if isinstance(child, ast.FunctionDef) else function)


def _is_warning(call: ast.Call) -> bool:
    """Tell whether this is ``….warn(code, message)``."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "warn" and len(call.args) == 2


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def _places_of_codes(tree: ast.Module) -> dict[str, int]:
    """Return the functions of a module that take a code by position, and at which."""
    places = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args if argument.arg not in ("self", "cls")]
            if "code" in names:
                places[node.name] = names.index("code")
    return places


def _functions_that_warn(tree: ast.Module) -> set[str]:
    """Return the functions of a module that hand a code which they take to ``….warn()``."""
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and "code" in [argument.arg for argument in node.args.args]
        for one in ast.walk(node)
        if isinstance(one, ast.Call) and _is_warning(one) and ast.unparse(one.args[0]) == "code"
    }


def _class_codes(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        target: ast.expr | None = statement.target if isinstance(statement, ast.AnnAssign) else None
        if isinstance(statement, ast.Assign):
            target = statement.targets[0]
        if isinstance(target, ast.Name) and target.id == "code":
            value = getattr(statement, "value", None)
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def _texts(value: ast.expr, constants: dict[str, str], function: ast.FunctionDef | None) -> Iterator[str]:
    """Yield what an expression can be, as far as the source says so."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.Name) and value.id in constants:
        yield constants[value.id]
    elif isinstance(value, ast.Name) and function is not None:
        for assigned in _assigned(function, value.id):
            yield from _texts(assigned, constants, None)
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body, constants, function)
        yield from _texts(value.orelse, constants, function)
    elif isinstance(value, ast.BoolOp):
        for part in value.values:
            yield from _texts(part, constants, function)


def _assigned(function: ast.FunctionDef, name: str) -> Iterator[ast.expr]:
    """Yield what a function assigns to a name of its own."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            pairs = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=True))
            yield from (right for left, right in pairs if isinstance(left, ast.Name) and left.id == name)
