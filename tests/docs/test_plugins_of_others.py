"""Plugins as others write them: begun with `hookline new`, or an example, in an environment of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fresh_environment import FreshEnvironment, make_environment

if TYPE_CHECKING:
    from live_gateway import Server

EXAMPLES = ("hookline-parcels", "hookline-redact")
BEGUN = ("hookline-acme", "hookline-redact-names", "hookline-contacts")
_TOOLS = find_spec("mypy") is not None and find_spec("ruff") is not None

MANIFEST = """\
manifest: 1
id: contacts
title: Contacts
base_url: https://contacts.example/v1
test: list_contacts
actions:
  list_contacts:
    title: List contacts
    description: List the people that you know.
    method: GET
    path: /contacts
    read_only: true
    input: {}
    output:
      type: object
      properties:
        contacts:
          type: array
          title: Contacts
          items: {type: object, properties: {name: {type: string, title: Name}}}
    samples:
      - title: One of them
        input: {}
        output: {contacts: [{name: Ada}]}
"""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """An environment in which all the plugins are installed.

    Attributes:
        environment: The environment.
        folders: Where each distribution is.
    """

    environment: FreshEnvironment
    folders: dict[str, Path]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Workshop:
    """Installs this checkout, begins three plugins, and installs them and the examples."""
    folder = tmp_path_factory.mktemp("author")
    environment = make_environment(folder / "venv")
    environment.run("hookline", "new", "connector", "acme", "--no-input", cwd=folder)
    environment.run("hookline", "new", "hook", "redact-names", "--no-input", cwd=folder)
    (folder / "contacts.yaml").write_text(MANIFEST)
    command = ("hookline", "new", "connector", "contacts", "--from-manifest", "contacts.yaml", "--no-input")
    environment.run(*command, cwd=folder)
    folders = {name: folder / name for name in BEGUN}
    folders |= {name: root / "docs/examples" / name for name in EXAMPLES}
    environment.install(*(part for name in BEGUN for part in ("-e", folders[name])))
    environment.install(*(folders[name] for name in EXAMPLES))
    return Workshop(environment=environment, folders=folders)


@pytest.fixture(scope="module")
def served(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`hookline serve --sandbox` in that environment."""
    with workshop.environment.serve(tmp_path_factory.mktemp("served"), "--sandbox") as server:
        yield server


def ask(server: Server, method: str, path: str, body: object = None) -> Any:
    """Return the JSON of an answer that went well."""
    connection = server.connect()
    headers = {"authorization": f"Bearer {server.key}", "content-type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, content
    return json.loads(content)


# The tests of the begun connector are run by the tutorial.
@pytest.mark.parametrize("name", ["hookline-redact-names", "hookline-contacts", *EXAMPLES])
def test_the_plugin_s_own_tests_pass(workshop: Workshop, name: str) -> None:
    command = ("pytest", "-q", "-p", "no:cacheprovider")
    printed = workshop.environment.run(*command, cwd=workshop.folders[name], PYTHONDONTWRITEBYTECODE="1")

    summary = printed.strip().splitlines()[-1]
    assert " passed" in summary, printed
    assert "skipped" not in summary, printed


def test_the_plugins_are_found_and_active(workshop: Workshop) -> None:
    listed = json.loads(workshop.environment.run("hookline", "plugins", "list", "--json"))["plugins"]

    found = {plugin["name"]: (plugin["distribution"], plugin["status"]) for plugin in listed}
    assert found["acme"] == ("hookline-acme", "active")
    assert found["redact_names"] == ("hookline-redact-names", "active")
    assert found["contacts"] == ("hookline-contacts", "active")
    assert found["parcels"] == ("hookline-parcels", "active")
    assert found["redact"] == ("hookline-redact", "active")


def test_a_begun_action_is_listed_described_and_run_on_the_sandbox(served: Server) -> None:
    listed = {action["id"] for action in ask(served, "GET", "/actions")["actions"]}
    assert {"acme.get_item", "acme.list_items", "contacts.list_contacts", "parcels.book_parcel"} <= listed
    assert "/actions/acme.get_item" in ask(served, "GET", "/openapi.json")["paths"]

    output = ask(served, "POST", "/actions/acme.get_item", {"id": "item-1"})

    assert output == {"id": "item-1", "name": "Blue lamp", "warnings": []}


if _TOOLS:  # both come with the extra `dev`, and not with what tests need

    def test_types_and_style_of_the_plugins_are_clean(workshop: Workshop) -> None:
        packages = [folder / name.replace("-", "_") for name, folder in workshop.folders.items()]
        for name in BEGUN:
            folder = workshop.folders[name]
            _check("ruff", "check", "--no-cache", str(folder), cwd=folder)
            _check("ruff", "format", "--check", "--no-cache", str(folder), cwd=folder)
        tests = [workshop.folders[name] / "tests" for name in BEGUN]
        places = [str(path) for path in (*packages, *tests)]
        cache = workshop.environment.folder / "mypy"
        config = str(workshop.folders["hookline-acme"] / "pyproject.toml")
        options = ["--config-file", config, "--python-executable", str(workshop.environment.python)]
        _check(
            "mypy", "--strict", "--cache-dir", str(cache), *options, *places, cwd=workshop.environment.folder
        )


def _check(module: str, *arguments: str, cwd: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
