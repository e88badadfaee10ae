"""Proofs of rules that read a plugin's code as a syntax tree: nothing of it is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hookline.api_version import CONTRACT

if TYPE_CHECKING:
    from hookline.quality.subject import Subject

# Modules of Hookline whose contents change without notice.
_INTERNAL = frozenset({"engine", "webhook", "cli", "config", "quality"})

# What reaches out of the process when it is called at the top of a module.
_NOISY_MODULES = frozenset({"httpx", "requests", "socket", "subprocess", "urllib", "aiohttp", "sqlite3"})
_NOISY_NAMES = frozenset({"open", "input", "print", "exec", "eval"})
_NOISY_METHODS = frozenset(
    {"read_text", "read_bytes", "write_text", "write_bytes", "urlopen", "start", "connect"}
)


def quiet_import(subject: Subject) -> list[str] | None:
    """Return calls at the top of modules that reach out of the process."""
    if not subject.modules:
        return None
    return [
        f"{file}:{call.lineno}: `{ast.unparse(call.func)}` is called while the module is imported."
        for file, module in subject.modules.items()
        for call in _top_calls(module)
        if _is_noisy(call.func)
    ]


def public_names(subject: Subject) -> list[str] | None:
    """Return imports of modules of Hookline that are not public."""
    if not subject.modules:
        return None
    return [
        f"{file}:{line}: `{name}` is not public."
        for file, module in subject.modules.items()
        for line, name in _imports(module)
        if name.startswith("hookline.") and name.split(".")[1] in _INTERNAL
    ]


def deprecated_names(subject: Subject) -> list[str]:
    """Return names that are imported from Hookline and are going to go."""
    going = {one.name: one for one in CONTRACT.deprecations if one.kind == "name"}
    return [
        f"{file}:{line}: {going[name.partition('hookline.')[2]]}"
        for file, module in subject.modules.items()
        for line, name in _imports(module)
        if name.startswith("hookline.") and name.partition("hookline.")[2] in going
    ]


def no_prints(subject: Subject) -> list[str] | None:
    """Return calls of ``print``."""
    if not subject.modules:
        return None
    return [
        f"{file}:{node.lineno}: `print` is called."
        for file, module in subject.modules.items()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def annotated(subject: Subject) -> list[str] | None:
    """Return functions that do not state the types of their arguments or of what they return."""
    if not subject.modules:
        return None
    return [
        f"{file}:{node.lineno}: {node.name}() lacks {lacking}."
        for file, module in subject.modules.items()
        for node in ast.walk(module)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (lacking := _lacking(node))
    ]


def _lacking(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    if positional and positional[0].arg in ("self", "cls"):
        positional = positional[1:]
    rest = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    names = [one.arg for one in (*positional, *arguments.kwonlyargs, *rest) if one.annotation is None]
    if names:
        return f"the type of `{names[0]}`"
    return "" if function.returns is not None else "the type of what it returns"


def _imports(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything that is imported at run time."""
    for node in _without_type_checking(module):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _without_type_checking(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in child.orelse:
                yield other
                yield from _without_type_checking(other)
            continue
        yield child
        yield from _without_type_checking(child)


def _top_calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that are made while a module is imported: not those inside of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "__name__" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _top_calls(child)


def _is_noisy(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in _NOISY_NAMES
    if not isinstance(function, ast.Attribute):
        return False
    root: ast.expr = function
    while isinstance(root, ast.Attribute):
        root = root.value
    is_module = isinstance(root, ast.Name) and root.id in _NOISY_MODULES
    return is_module or function.attr in _NOISY_METHODS
