"""Rules that Make holds an app to, and what its extension for VS Code needs to import one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]
Files = Mapping[str, Any]

_APP = re.compile(r"[a-z][0-9a-z-]{1,28}[0-9a-z]\Z")
_COMPONENT = re.compile(r"[a-zA-Z][0-9a-zA-Z]{2,47}\Z")
_IML = re.compile(r"\{\{.*?\}\}")
_PARAMETER_TYPES = {
    *(
        "any",
        "array",
        "boolean",
        "buffer",
        "cert",
        "collection",
        "color",
        "date",
        "email",
        "file",
        "filename",
    ),
    *(
        "filter",
        "folder",
        "hidden",
        "integer",
        "json",
        "number",
        "password",
        "path",
        "pkey",
        "port",
        "select",
    ),
    *("text", "time", "timestamp", "timezone", "uinteger", "url", "uuid"),
}
_ERROR_TYPES = {
    *("RuntimeError", "DataError", "RateLimitError", "OutOfSpaceError", "ConnectionError"),
    *("InvalidConfigurationError", "InvalidAccessTokenError", "IncompleteDataError", "DuplicateDataError"),
}
_ERRORS = {
    "400": "DataError",
    "401": "InvalidAccessTokenError",
    "403": "InvalidAccessTokenError",
    "422": "DataError",
    "429": "RateLimitError",
    "502": "ConnectionError",
    "503": "ConnectionError",
    "504": "ConnectionError",
}
_RESERVED = {"accountName", "teamID"}
_CODES = {
    "connections": ("api", "parameters", "scope", "scopes"),
    "rpcs": ("api", "parameters"),
    "modules": ("api", "parameters", "expect", "interface", "samples", "scope"),
}


def make_violations(files: Files, *, folder: str) -> list[str]:
    """Return what is wrong with the files of an app; empty if it can be imported.

    Args:
        files: Content by file name.
        folder: Name of the folder that an archive of them holds.
    """
    return [f"{place}: {wrong}" for place, wrong in _check_app(files, folder)]


def _check_app(files: Files, folder: str) -> Iterator[tuple[str, str]]:
    for name in ("metadata.json", ".sdk", "base.imljson", "readme.md"):
        if name not in files:
            yield name, "is missing"
            return
    metadata = files["metadata.json"]
    if metadata.get("name") != folder or not _APP.match(folder):
        yield "metadata.json", "names another folder, or one that Make refuses"
    if files[".sdk"] != {"version": 2}:
        yield ".sdk", "is not of version 2"
    yield from _each("base.imljson", _check_base, files["base.imljson"])
    for kind, codes in _CODES.items():
        for path in [path for path in files if path.startswith(f"{kind}/") and path.count("/") != 2]:
            yield path, "lies where only folders may"
        for name in names_in(files, kind):
            place = f"{kind}/{name}"
            yield from _each(place, _check_component, name, files, kind, codes)
            yield from _each(place, _CHECKS[kind], name, files)
    yield from _each("groups.json", _check_groups, files)
    yield from _each("makecomapp.json", _check_project, files)


def names_in(files: Files, kind: str) -> list[str]:
    """Return the names of an app's components of one kind."""
    return list(dict.fromkeys(path.split("/")[1] for path in files if path.startswith(f"{kind}/")))


def _each(place: str, check: Callable[..., Iterator[str]], *arguments: Any) -> Iterator[tuple[str, str]]:
    for wrong in check(*arguments):
        yield place, wrong


def _check_base(base: Json) -> Iterator[str]:
    if not 1 <= base.get("timeout", 0) <= 300_000:
        yield "waits for no time that Make allows"
    if not 1 <= len(base.get("baseUrl", "")) <= 512 or _IML.search(base["baseUrl"]):
        yield "has no plain address of at most 512 characters"
    if "{{connection." not in str(base.get("headers", {}).get("authorization")):
        yield "does not send the key"
    yield from _check_answer(base)


def _check_answer(request: Json) -> Iterator[str]:
    if "request.headers.authorization" not in request.get("log", {}).get("sanitize", []):
        yield "writes the key into logs"
    if request.get("response", {}).get("type") != "json":
        yield "does not read problem documents as JSON"
    errors = request.get("response", {}).get("error", {})
    for status, told in {"": errors, **errors}.items():
        if status not in ("message", "type"):
            if not 1 <= len(told.get("message", "")) <= 1024:
                yield f"has no message of at most 1024 characters for {status or 'errors'}"
            kinds = re.findall(r"[A-Za-z]+Error", str(told.get("type")))
            if not kinds or not set(kinds) <= _ERROR_TYPES:
                yield f"has no known error type for {status or 'errors'}"
    for status, kind in _ERRORS.items():
        if kind not in str(errors.get(status, {}).get("type")):
            yield f"does not tell {status} as {kind}"


def _check_component(name: str, files: Files, kind: str, codes: tuple[str, ...]) -> Iterator[str]:
    if not _COMPONENT.match(name):
        yield "has a name that Make refuses"
    metadata = files.get(f"{kind}/{name}/metadata.json", {})
    if metadata.get("name") != name or not 1 <= len(metadata.get("label", "")) <= 100:
        yield "has another name inside, or no label"
    for text in (metadata.get("label"), metadata.get("description")):
        if isinstance(text, str) and _IML.search(text):
            yield "has a template in its texts"
    for code in codes:
        if f"{kind}/{name}/{code}.imljson" not in files:
            yield f"lacks {code}"
    if kind != "connections" and metadata.get("connection") not in names_in(files, "connections"):
        yield "has no connection"


def _check_connection(name: str, files: Files) -> Iterator[str]:
    request = files.get(f"connections/{name}/api.imljson", {})
    if not str(request.get("url")).startswith("https://"):
        yield "tries no whole address"
    if "{{body." not in str(request.get("response", {}).get("metadata", {}).get("value")):
        yield "gives connections no name"
    yield from _check_answer(request)
    parameters = files.get(f"connections/{name}/parameters.imljson", [])
    if [one.get("type") for one in parameters] != ["password"]:
        yield "does not ask for the key as a password"


def _check_rpc(name: str, files: Files) -> Iterator[str]:
    request = files.get(f"rpcs/{name}/api.imljson", {})
    response = request.get("response", {})
    if set(response.get("output", {})) != {"label", "value"} or not response.get("iterate"):
        yield "does not give labels and values"
    if not 1 <= response.get("limit", 0) <= 500:
        yield "has no limit of at most 500"


def _check_module(name: str, files: Files) -> Iterator[str]:
    folder = f"modules/{name}"
    request = files.get(f"{folder}/api.imljson", {})
    if (
        request.get("method") != "POST"
        or "body" not in request
        or not str(request.get("url")).startswith("/")
    ):
        yield "does not post to a path below the base"
    if request.get("response", {}).get("output") != "{{body}}":
        yield "does not put out the body"
    parameters = files.get(f"{folder}/expect.imljson", [])
    for wrong in _check_parameters(parameters, files):
        yield f"parameter {wrong}"
    if _RESERVED & {one.get("name") for one in parameters}:
        yield "has a parameter that Make fills in itself"
    for wrong in _check_parameters(files.get(f"{folder}/interface.imljson", []), files):
        yield f"output {wrong}"
    body = request.get("body")
    sent = {one["name"] for one in parameters if one.get("name")}
    if isinstance(body, dict):
        renamed = {str(value).removeprefix("{{parameters.").removesuffix("}}") for value in body.values()}
        rest = str(body.get("{{...}}"))
        if any(f"'{one}'" not in rest for one in renamed & sent) or len(renamed & sent) != len(body) - 1:
            yield "sends a parameter twice, or one that is not there"
        if any(_IML.search(one) for one in body if one != "{{...}}"):
            yield "has a template as a name"
    elif body != "{{parameters}}":
        yield "does not send its parameters"
    if not isinstance(files.get(f"{folder}/samples.imljson"), dict):
        yield "has no sample"
    elif _holds_template(files[f"{folder}/samples.imljson"]):
        yield "has a template in its sample"


def _check_parameters(parameters: list[Json], files: Files) -> Iterator[str]:
    names = [one.get("name") for one in parameters]
    if len(set(names)) < len(names):
        yield "has the name of another"
    for one in parameters:
        name = one.get("name", "")
        if not 1 <= len(name) <= 128 or _IML.search(name):
            yield f"{name!r} has a name that Make refuses"
        for wrong in _check_parameter(one, files):
            yield f"{name!r} {wrong}"


def _check_parameter(one: Json, files: Files) -> Iterator[str]:
    kind = one.get("type")
    if kind not in _PARAMETER_TYPES:
        yield "has no type that Make knows"
    if not 1 <= len(one.get("label", "text")) <= 256 or not one.get("help", "text"):
        yield "has no text as label or help, or one that is too long"
    if _holds_template([one.get("label"), one.get("help"), one.get("default")]):
        yield "has a template in its texts"
    if one.get("advanced") and one.get("required"):
        yield "is hidden, but has to be filled in"
    options = one.get("options")
    if kind == "select":
        if isinstance(options, str):
            if not options.startswith("rpc://") or options[len("rpc://") :] not in names_in(files, "rpcs"):
                yield "has a dropdown that nothing fills"
        elif not options or any("value" not in option for option in options):
            yield "has no options"
    if kind == "array" and "spec" not in one:
        yield "does not say what its entries are"
    if set(one.get("validate", {})) - {"min", "max"}:
        yield "is validated by what numbers have not"
    spec = one.get("spec", [])
    if isinstance(spec, dict):
        yield from _check_parameter(spec, files)
    else:
        yield from _check_parameters(spec, files)


def _check_groups(files: Files) -> Iterator[str]:
    grouped = [module for group in files.get("groups.json", []) for module in group["modules"]]
    if sorted(grouped) != sorted(names_in(files, "modules")):
        yield "does not hold each module once"


def _check_project(files: Files) -> Iterator[str]:
    project = files.get("makecomapp.json", {})
    paths = [path for path in project.get("generalCodeFiles", {}).values() if path]
    for kind in ("connection", "rpc", "module"):
        components = project.get("components", {}).get(kind, {})
        if sorted(components) != sorted(names_in(files, f"{kind}s")):
            yield f"does not name each {kind}"
        paths += [path for one in components.values() for path in one["codeFiles"].values()]
    for path in paths:
        if path not in files:
            yield f"leads to {path}, which is not there"


def _holds_template(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_template(one) for pair in value.items() for one in pair)
    if isinstance(value, list):
        return any(map(_holds_template, value))
    return isinstance(value, str) and _IML.search(value) is not None


_CHECKS = {"connections": _check_connection, "rpcs": _check_rpc, "modules": _check_module}
