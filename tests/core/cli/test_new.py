"""``hookline new``: what it writes, asks and says."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hookline.cli.group import build_cli


def run(*arguments: str, folder: Path) -> Result:
    return CliRunner().invoke(build_cli(), ["new", *arguments, "--out", str(folder)])


def test_a_connector_is_written_and_the_next_commands_are_told(tmp_path: Path) -> None:
    done = run("connector", "acme", "--title", "Acme CRM", folder=tmp_path)

    assert done.exit_code == 0, done.output
    folder = tmp_path / "hookline-acme"
    assert 'title="Acme CRM"' in (folder / "hookline_acme/__init__.py").read_text()
    for line in (f"cd {folder}", "pip install -e '.[test]'", "pytest", "hookline serve --sandbox"):
        assert f"  {line}" in done.output
    assert "hookline_acme/py.typed" in done.output


def test_a_hook_plugin_is_written(tmp_path: Path) -> None:
    done = run("hook", "redact-names", "--license", "apache-2.0", folder=tmp_path)

    assert done.exit_code == 0, done.output
    assert (tmp_path / "hookline-redact-names/tests/test_redact_names.py").is_file()
    assert "Add the text of Apache-2.0 as the file LICENSE" in done.output


def test_nothing_is_asked_where_nobody_sits(tmp_path: Path) -> None:
    done = run("connector", "acme", folder=tmp_path)

    assert done.exit_code == 0
    assert "Licence" not in done.output


def test_what_is_not_given_is_asked_for_at_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hookline.scaffold.command.is_terminal", lambda: True)

    done = CliRunner().invoke(
        build_cli(),
        ["new", "connector", "acme", "--title", "Acme", "--out", str(tmp_path)],
        input="https://crm.acme.example\nmpl-2.0\nAda <ada@example.com>\n",
    )

    assert done.exit_code == 0, done.output
    project = (tmp_path / "hookline-acme/pyproject.toml").read_text()
    assert 'license = "MPL-2.0"' in project
    assert '{ name = "Ada", email = "ada@example.com" }' in project
    assert "https://crm.acme.example" in (tmp_path / "hookline-acme/hookline_acme/__init__.py").read_text()


def test_a_folder_that_holds_something_needs_force(tmp_path: Path) -> None:
    run("hook", "acme", folder=tmp_path)

    refused = run("hook", "acme", folder=tmp_path)
    assert (refused.exit_code, "is not empty" in refused.output) == (2, True)
    assert run("hook", "acme", "--force", folder=tmp_path).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["connector", "openai"], "There is a plugin 'openai' already"),
        (["connector", "a b"], "cannot be called 'a b'"),
        (["connector", "acme", "--base-url", "acme"], "is no base URL"),
        (["connector", "acme", "--title", "a\nb"], "--title must be one line"),
        (["connector", "acme", "--only", "x"], "belong to --openapi"),
        (["hook", "acme", "--license", "gpl"], "is not one of 'mit'"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = run(*arguments, folder=tmp_path)

    assert done.exit_code == 2
    assert message in done.output
    assert list(tmp_path.iterdir()) == []
