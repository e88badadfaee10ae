"""Pages against files: links, included examples, and blocks that must be what they claim to be."""

from __future__ import annotations

import ast
import json
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.gateway import load_plugins
from hookline.options import LayeredOptions, load_model
from hookline.settings import Settings, load_settings

if TYPE_CHECKING:
    from tests.docs.conftest import Block

_INCLUDED = re.compile(r"(?ms)(^<!-- file: (\S+) -->\n```\w*\n).*?^```\n")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def _include(match: re.Match[str], root: Path) -> str:
    return match[1] + (root / match[2]).read_text("utf-8") + "```\n"


def _anchor(heading: str) -> str:
    """Return the anchor that the usual renderers give a heading."""
    text = re.sub(r"[^\w\- ]", "", heading.lower())
    return text.strip().replace(" ", "-")


def test_every_relative_link_leads_somewhere(
    page: str, root: Path, headings_of: Callable[[str], list[str]]
) -> None:
    text = re.sub(r"(?ms)^```.*?^```$", "", (root / page).read_text("utf-8"))
    broken = []
    for link in _LINK.findall(text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (root / page).parent / path if path else root / page
        if not target.exists():
            broken.append(link)
        elif anchor:
            where = str(target.resolve().relative_to(root))
            if anchor not in map(_anchor, headings_of(where)):
                broken.append(link)
    assert broken == []


def test_no_page_names_a_path_of_one_machine(page: str, root: Path) -> None:
    text = (root / page).read_text("utf-8")
    assert re.findall(r"(?<![\w.$/-])/(?:home|tmp|work|root|Users)/\S*", text) == []


def test_every_page_can_be_reached_from_the_readme(root: Path) -> None:
    seen: set[Path] = set()
    waiting = [root / "README.md"]
    while waiting:
        path = waiting.pop().resolve()
        if path in seen:
            continue
        seen.add(path)
        if path.suffix == ".md":
            links = [link.partition("#")[0] for link in _LINK.findall(path.read_text("utf-8"))]
            waiting += [path.parent / link for link in links if link and "://" not in link]
    exported = root / "docs/examples/exports/make"  # what comes out, not a page
    pages = {
        path.resolve()
        for path in (root / "docs").rglob("*.md")
        if exported not in path.parents
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    }
    assert sorted(str(path.relative_to(root)) for path in pages - seen) == []


def test_an_included_example_equals_its_file(included_block: Block, root: Path) -> None:
    if os.environ.get("HOOKLINE_WRITE_DOCS"):
        page = root / included_block.page
        page.write_text(_INCLUDED.sub(lambda match: _include(match, root), page.read_text("utf-8")), "utf-8")
        return
    assert included_block.text == (root / included_block.marks["file"]).read_text("utf-8")


def test_every_example_file_is_included_somewhere(
    root: Path, read_blocks: Callable[[str], list[Block]]
) -> None:
    pages = [str(path.relative_to(root)) for path in [*(root / "docs").rglob("*.md"), root / "README.md"]]
    included = {block.marks["file"] for page in pages for block in read_blocks(page) if "file" in block.marks}
    files = {
        str(path.relative_to(root))
        for path in (root / "docs/examples").rglob("*")
        if path.is_file() and path.name != "py.typed" and "__pycache__" not in path.parts
    }
    by_name_only = {"docs/examples/acme_connector/pyproject.toml"}
    tested = ("exports/", "hookline-parcels/", "hookline-redact/")  # by tests of their own
    others = {name for name in files if name.startswith(tuple(f"docs/examples/{part}" for part in tested))}
    assert files - others - included <= by_name_only


def test_a_toml_block_is_a_settings_file_or_a_project(toml_block: Block, tmp_path: Path) -> None:
    content = tomllib.loads(toml_block.text)
    if "project" in content:
        assert "hookline" in content["project"]["entry-points"]
        return
    file = tmp_path / "hookline.toml"
    file.write_text(toml_block.text)
    settings = load_settings({"HOOKLINE_CONFIG": str(file)})
    assert set(content) <= settings.model_fields_set
    declared = dict(load_plugins(Settings()).options())
    for name, table in settings.plugins.options.items():
        assert name in declared, f"{toml_block}: there is no plugin {name!r} with options"
        assert isinstance(table, dict)
        LayeredOptions(load_model(declared[name], plugin=name), table, {}, name=name)


def test_a_json_block_is_json(json_block: Block) -> None:
    json.loads(json_block.text.replace("…}", "}").replace('": …', '": null').replace(", }", "}"))


def test_a_python_block_can_be_parsed(python_block: Block) -> None:
    ast.parse(python_block.text)
