"""What a new plugin is made of: its files as text, before any of them is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from hookline.api_version import API_VERSION
from hookline.errors import ConfigurationError
from hookline.scaffold.licences import LICENCES

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from hookline.scaffold.names import PluginNames

Kind = Literal["connector", "hook", "manifest"]
_ENDING = ".tmpl"
_MAX_TITLE = 60
_MAX_AUTHOR = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectPlan:
    """What was asked for.

    Attributes:
        kind: A connector in Python, a hook plugin, or a connector that is a manifest.
        names: What it is called.
        title: What people call the service.
        base_url: Where its API lives; for connectors.
        author: Name, with ``<e-mail>`` behind it if that is to be told; empty for nobody.
        licence: Key of `LICENCES`.
        year: Of the copyright.
        takes_key: Whether the service takes a credential.
        key: What that credential is, in words.
        todo: Checks that a manifest does not pass yet, each with what is missing.
        version: Of Hookline: the first that the plugin is made for.
    """

    kind: Kind
    names: PluginNames
    title: str
    base_url: str = ""
    author: str = ""
    licence: str = "mit"
    takes_key: bool = True
    key: str = "The key of your account."
    todo: tuple[tuple[str, str], ...] = ()
    year: int
    version: str


def check_title(text: str) -> str:
    """Return a title that can stand in every file, without space around it.

    Raises:
        ConfigurationError: If it is empty, too long, or holds what cannot be printed.
    """
    return _checked(text, option="--title", most=_MAX_TITLE)


def check_author(text: str) -> str:
    """Return an author, without space around it; empty for nobody.

    Raises:
        ConfigurationError: If it is too long, or holds what cannot be printed.
    """
    return _checked(text, option="--author", most=_MAX_AUTHOR) if text.strip() else ""


def _checked(text: str, *, option: str, most: int) -> str:
    text = text.strip()
    if not text or len(text) > most or not text.isprintable():
        raise ConfigurationError(
            f"{option} must be one line of 1 to {most} printable characters.",
            hint=f"Give another {option}.",
        )
    return text


def check_url(url: str) -> str:
    """Return a base URL without a slash at its end.

    Raises:
        ConfigurationError: If it is no absolute http or https URL, or holds a user, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_fine = urlsplit(""), False
    is_whole = parts.scheme in ("http", "https") and parts.hostname and port_is_fine
    is_plain = url.isprintable() and not any(char in url for char in " \"'\\`<>{}$")
    if not is_whole or not is_plain or parts.username or parts.query or parts.fragment:
        raise ConfigurationError(
            f"--base-url {url!r} is no base URL.",
            hint="Write scheme, host and path, such as https://api.acme.example/v1.",
        )
    return url.rstrip("/")


def files_of(plan: ProjectPlan) -> dict[str, str]:
    """Return the text of every file of a new plugin, by its path below the plugin's folder."""
    values = _values(plan)
    found: dict[str, str] = {}
    for folder in ("common", plan.kind):
        root = files("hookline.scaffold") / "templates" / folder
        for path, template in _templates(root):
            found[_path_of(path, plan.names)] = Template(template).substitute(values)
    licence = LICENCES[plan.licence]
    if licence.text:
        found["LICENSE"] = Template(licence.text).substitute(values)
    return dict(sorted(found.items()))


def _templates(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _templates(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_ENDING):
            yield prefix + entry.name.removesuffix(_ENDING), entry.read_text("utf-8")


def _path_of(path: str, names: PluginNames) -> str:
    parts = [part.replace("dot_", ".", 1) if part.startswith("dot_") else part for part in path.split("/")]
    return "/".join(part.replace("PACKAGE", names.package).replace("ID", names.id) for part in parts)


def _values(plan: ProjectPlan) -> dict[str, str]:
    names, licence = plan.names, LICENCES[plan.licence]
    holder = plan.author.partition("<")[0].strip() or f"The {names.distribution} authors"
    return {
        "id": names.id,
        "ID": names.id.upper(),
        "distribution": names.distribution,
        "package": names.package,
        "words": names.words,
        "Class": names.class_prefix,
        "entry_point": f"{names.package}:{names.class_prefix}Plugin"
        if plan.kind == "hook"
        else names.package,
        "header": "x-" + names.id.replace("_", "-"),
        "title": plan.title,
        "title_text": _quoted(plan.title),
        "base_url": plan.base_url,
        "base_url_text": _quoted(plan.base_url),
        "summary_text": _quoted(_summary(plan)),
        "authors": _authors(plan.author),
        "licence": _licence_lines(licence.spdx, has_file=bool(licence.text)),
        "licence_name": licence.spdx or "No licence",
        "api_version": API_VERSION,
        "export_key": f"    export HOOKLINE_{names.id.upper()}_API_KEY=YOUR_KEY\n" if plan.takes_key else "",
        "key_row": f"| `HOOKLINE_{names.id.upper()}_API_KEY` | {plan.key} |\n" if plan.takes_key else "",
        "todo": _todo_lines(plan),
        "year": str(plan.year),
        "holder": holder,
        "version": plan.version,
        "next_version": _next_minor(plan.version),
    }


def _todo_lines(plan: ProjectPlan) -> str:
    if not plan.todo:
        return ""
    lines = [f"    {name} = None  # {reason}" for name, reason in plan.todo]
    return f"    # To do: write what is missing into {plan.names.id}.yaml, then remove the line.\n" + "".join(
        f"{line}\n" for line in lines
    )


def _summary(plan: ProjectPlan) -> str:
    if plan.kind == "hook":
        return f"{plan.names.words}: a plugin for Hookline"
    return f"{plan.title} as actions"


def _quoted(text: str) -> str:
    """Return a text as a string of Python and of TOML: JSON's escapes mean the same in both."""
    return json.dumps(text, ensure_ascii=False)


def _authors(author: str) -> str:
    if not author:
        return ""
    name, _, rest = author.partition("<")
    members = [f"name = {_quoted(name.strip())}"] if name.strip() else []
    if rest.strip(" >"):
        members.append(f"email = {_quoted(rest.strip(' >'))}")
    return f"authors = [{{ {', '.join(members)} }}]\n"


def _licence_lines(spdx: str, *, has_file: bool) -> str:
    if not spdx:
        return ""
    files = 'license-files = ["LICENSE"]\n' if has_file else ""
    return f'license = "{spdx}"\n{files}'


def _next_minor(version: str) -> str:
    major, minor, *_ = version.split(".")
    return f"{major}.{int(minor) + 1}"
