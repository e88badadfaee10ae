"""The files of a new plugin, whatever was asked for."""

from __future__ import annotations

import ast
import tomllib
from string import Template
from typing import Any

import pytest
import yaml

from hookline.errors import ConfigurationError
from hookline.scaffold.licences import LICENCES
from hookline.scaffold.names import name_plugin
from hookline.scaffold.project import Kind, ProjectPlan, check_author, check_title, check_url, files_of

WAITING = ("[project.urls]", "Documentation =", "Issues =", "Changelog =")


def plan(kind: Kind = "connector", **changes: Any) -> ProjectPlan:
    values = {
        "kind": kind,
        "names": name_plugin("acme"),
        "title": "Acme",
        "base_url": "https://api.acme.example/v1",
        "year": 2031,
        "version": "0.4.2",
    }
    return ProjectPlan(**{**values, **changes})


def project_of(files: dict[str, str]) -> Any:
    return tomllib.loads(files["pyproject.toml"])["project"]


def test_a_connector_is_a_whole_repository() -> None:
    assert list(files_of(plan())) == [
        ".github/workflows/test.yml",
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "hookline_acme/__init__.py",
        "hookline_acme/py.typed",
        "hookline_acme/quality.yaml",
        "pyproject.toml",
        "tests/test_acme.py",
    ]


def test_a_hook_plugin_has_options_besides() -> None:
    files = files_of(plan("hook"))

    assert "hookline_acme/options.py" in files
    assert project_of(files)["entry-points"]["hookline"] == {"acme": "hookline_acme:AcmePlugin"}


def test_the_project_names_itself_its_licence_and_the_versions_it_is_made_for() -> None:
    project = project_of(files_of(plan(author="Ada Lovelace <ada@example.com>")))

    assert project["name"] == "hookline-acme"
    assert project["license"] == "MIT"
    assert project["license-files"] == ["LICENSE"]
    assert project["authors"] == [{"name": "Ada Lovelace", "email": "ada@example.com"}]
    assert project["dependencies"] == ["hookline>=0.4.2,<0.5"]
    assert project["entry-points"]["hookline"] == {"acme": "hookline_acme"}


def test_the_links_that_gold_asks_for_wait_as_comments() -> None:
    text = files_of(plan())["pyproject.toml"]
    assert "urls" not in tomllib.loads(text)["project"]

    lines = [line.removeprefix("# ") if line[2:].startswith(WAITING) else line for line in text.splitlines()]
    links = tomllib.loads("\n".join(lines))["project"]["urls"]
    assert {name.lower() for name in links} == {"documentation", "issues", "changelog"}


def test_the_licence_names_who_holds_it_and_since_when() -> None:
    assert (
        "Copyright (c) 2031 Ada Lovelace\n"
        in files_of(plan(author="Ada Lovelace <a@example.com>"))["LICENSE"]
    )
    assert "Copyright (c) 2031 The hookline-acme authors\n" in files_of(plan())["LICENSE"]


@pytest.mark.parametrize("licence", [name for name in LICENCES if name != "mit"])
def test_a_licence_without_its_text_is_named_and_left_to_the_author(licence: str) -> None:
    files = files_of(plan(licence=licence))

    assert "LICENSE" not in files
    assert project_of(files).get("license", "") == LICENCES[licence].spdx
    assert "license-files" not in project_of(files)
    assert LICENCES[licence].note


HOSTILE = 'Acme "CRM" \\ $title ${x} {{ y }} # \'\'\' """'


@pytest.mark.parametrize("kind", ["connector", "hook"])
def test_nothing_that_is_typed_leaves_its_quotes(kind: Kind) -> None:
    files = files_of(plan(kind, title=HOSTILE, author=f"{HOSTILE} <a@example.com>"))

    project = project_of(files)
    assert project["authors"] == [{"name": HOSTILE, "email": "a@example.com"}]
    for path, text in files.items():
        if path.endswith(".py"):
            ast.parse(text)
        if path.endswith((".yml", ".yaml")):
            yaml.safe_load(text)
    if kind == "connector":
        assert project["description"].startswith(HOSTILE)
        strings = [
            node.value
            for node in ast.walk(ast.parse(files["hookline_acme/__init__.py"]))
            if isinstance(node, ast.Constant)
        ]
        assert HOSTILE in strings


def test_no_template_is_left_with_a_gap() -> None:
    for kind in ("connector", "hook"):
        for path, text in files_of(plan(kind)).items():
            left = [found for found in Template(text).get_identifiers() if found != "matrix"]
            assert left == [], path
            assert not path.startswith(("dot_", "ID")), path


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.acme.example/v1/", "https://api.acme.example/v1"),
        ("http://localhost:9000", "http://localhost:9000"),
    ],
)
def test_a_base_url_is_taken_without_its_last_slash(url: str, expected: str) -> None:
    assert check_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "api.acme.example",
        "ftp://api.acme.example",
        "https://",
        "https://u:p@api.acme.example",
        "https://api.acme.example?x=1",
        "https://api.acme.example/#x",
        "https://api.acme.example:99999",
        "https://[::1",
        'https://api.acme.example/"',
        "https://api.acme.example/{id}",
    ],
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is no base URL"):
        check_url(url)


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "a\x00", "x" * 61])
def test_a_title_that_cannot_stand_in_a_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--title must be one line of 1 to 60"):
        check_title(text)


def test_an_author_may_be_nobody_but_not_everybody() -> None:
    assert check_author(" ") == ""
    with pytest.raises(ConfigurationError, match="--author must be one line of 1 to 100"):
        check_author("x" * 101)
