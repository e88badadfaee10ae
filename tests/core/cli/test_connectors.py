from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from manifest_lab import manifest_text


def _run(*words: str, **environ: str) -> tuple[int, str]:
    result = CliRunner().invoke(build_cli(), words, obj=CommandContext(environ=environ), prog_name="hookline")
    return result.exit_code, result.output


def test_a_right_manifest_is_said_to_be_right_with_hints(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(manifest_text(), "utf-8")
    status, output = _run("connectors", "check", str(path))
    assert status == 0
    first, *hints = output.splitlines()
    assert first == "acme.yaml: acme, 1 action, is right."
    assert "  hint: acme.yaml:6: actions.find: there is no `title`: it is made from the verb." in hints
    assert _run("connectors", "check", "--no-hints", str(path)) == (0, f"{first}\n")


def test_a_wrong_one_fails_with_every_problem(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(manifest_text("good"), "utf-8")
    bad.write_text(manifest_text().replace("GET", "GTE").replace("title", "titel"), "utf-8")
    status, output = _run("connectors", "check", str(good), str(bad))
    assert status == 1
    assert "bad.yaml:3: titel: there is no such key. Did you mean `title`?" in output
    assert "bad.yaml:7: actions.find.method: must be" in output
    assert "Error: 1 of 2 manifests cannot be used." in output


def test_a_sample_that_does_not_fit_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(
        manifest_text(extra="    samples:\n      - {input: {id: 5}, output: {}}\n").replace(
            "{type: object}", "{}"
        ),
        "utf-8",
    )
    status, output = _run("connectors", "check", "--json", str(path))
    report = json.loads(output[: output.rindex("}") + 1])["files"][0]
    assert status == 1
    assert (report["id"], report["actions"]) == (None, [])
    assert [(one["line"], one["key"]) for one in report["problems"]] == [
        (11, "actions.find.samples[0].input")
    ]


def test_json_has_the_same(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(manifest_text(), "utf-8")
    status, output = _run("connectors", "check", "--json", str(path))
    report = json.loads(output)["files"][0]
    assert (status, report["id"], report["actions"], report["problems"]) == (0, "acme", ["acme.find"], [])
    assert {
        "line": 6,
        "key": "actions.find",
        "message": "there is no `title`: it is made from the verb.",
    } in report["hints"]


def test_the_list_names_where_connectors_come_from_and_what_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(manifest_text(), "utf-8")
    (tmp_path / "bad.yaml").write_text("manifest: 1\n", "utf-8")
    status, output = _run("connectors", "list", "--json", HOOKLINE_CONNECTORS_DIR=str(tmp_path))
    rows = json.loads(output[output.index("{") :])["connectors"]
    assert status == 0
    assert [(row["id"], row["source"], row["actions"]) for row in rows] == [
        ("acme", "manifest:acme", 1),
        ("openai", "openai", 6),
        ("", "manifest:bad", 0),
    ]
    assert "bad.yaml:1: id: is missing." in rows[-1]["problem"]


def test_the_plugins_show_manifests_too(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(manifest_text(), "utf-8")
    status, output = _run("plugins", "list", "--json", HOOKLINE_CONNECTORS_DIR=str(tmp_path))
    plugins = {one["name"]: one for one in json.loads(output)["plugins"]}
    assert status == 0
    assert (plugins["manifest:acme"]["status"], plugins["manifest:acme"]["distribution"]) == (
        "active",
        "acme.yaml",
    )


def test_the_format_is_printed_and_written(tmp_path: Path) -> None:
    status, output = _run("schemas", "manifest")
    assert (status, json.loads(output)["$id"]) == (0, "urn:hookline:schema:manifest:v1")
    path = tmp_path / "manifest.v1.json"
    assert _run("schemas", "manifest", "--out", str(path))[0] == 0
    assert json.loads(path.read_text("utf-8")) == json.loads(output)


@pytest.mark.parametrize("words", [("connectors", "check"), ("connectors", "check", "none.yaml")])
def test_wrong_usage_is_told(words: tuple[str, ...]) -> None:
    assert _run(*words)[0] == 2


def test_a_folder_is_checked_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(manifest_text("good"), "utf-8")
    (tmp_path / "bad.yaml").write_text(manifest_text().replace("GET", "GTE"), "utf-8")
    (tmp_path / "quality.yaml").write_text("rules: {}\n", "utf-8")
    status, output = _run("connectors", "check", "--no-hints", str(tmp_path))
    assert status == 1
    assert "good.yaml: good, 1 action, is right." in output
    assert "Error: 1 of 2 manifests cannot be used." in output


def test_a_folder_without_manifests_is_refused(tmp_path: Path) -> None:
    status, output = _run("connectors", "check", str(tmp_path))
    assert status == 2
    assert f"{tmp_path} holds no manifest." in output


def test_the_list_tells_a_problem_once(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("manifest: 1\nid: acme\ntitel: Acme\n", "utf-8")
    status, output = _run("connectors", "list", "--json", HOOKLINE_CONNECTORS_DIR=str(tmp_path))
    assert status == 0
    assert output.count("titel: there is no such key") == 1
