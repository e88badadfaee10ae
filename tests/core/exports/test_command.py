"""``hookline export``: what it prints, what it writes, and what it says when something is wrong."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.exports.bundled import TARGETS


def run(*arguments: str, **environ: str) -> Result:
    context = CommandContext(environ={"HOOKLINE_SANDBOX": "true", "HOOKLINE_STATE_DIR": "none", **environ})
    return CliRunner().invoke(build_cli(), ["export", *arguments], obj=context)


def test_without_a_target_it_lists_them_and_says_what_to_type_next() -> None:
    result = run()

    assert result.exit_code == 0
    for target in TARGETS:
        assert f"  hookline export {target.name} --out {target.out or target.file}\n" in result.stdout
    assert "--server https://YOUR-GATEWAY" in result.stdout


def test_the_list_is_there_for_programs() -> None:
    told = json.loads(run("--json").stdout)

    assert told["count"] == len(told["exports"])
    assert {"name", "title", "summary", "next_step", "file", "href"} == set(told["exports"][0])


def test_one_file_is_printed_whole(export_of: Any) -> None:
    result = run("openapi", "--server", "https://hooks.example.com/")

    assert result.stdout.encode() == export_of("openapi", "openai").main[1]


def test_actions_can_be_picked_by_pattern() -> None:
    result = run("openapi", "--actions", "openai.ch*", "--actions", "openai.edit")

    paths = [path for path in json.loads(result.stdout)["paths"] if path.startswith("/actions/")]
    assert paths == ["/actions/openai.chat", "/actions/openai.edit"]
    assert "Note: the export leads to http://localhost:8787" in result.stderr


def test_the_address_of_the_settings_is_used() -> None:
    result = run("openapi", HOOKLINE_PUBLIC_URL="https://h.example.com/base")

    assert json.loads(result.stdout)["servers"] == [{"url": "https://h.example.com/base"}]
    assert result.stderr == ""


def test_a_file_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    result = run("openapi", "--out", str(tmp_path / "new" / "api.json"))
    into_folder = run("openapi", "--out", str(tmp_path))

    assert json.loads((tmp_path / "new" / "api.json").read_text("utf-8"))["openapi"] == "3.1.0"
    assert (tmp_path / "openapi.json").is_file()
    assert (result.exit_code, into_folder.exit_code, result.stdout) == (0, 0, "")
    assert f"wrote {tmp_path / 'new' / 'api.json'}" in result.stderr


def test_several_files_go_into_a_folder_or_an_archive(tmp_path: Path) -> None:
    run("openai-tools", "--out", str(tmp_path / "tools"))
    run("openai-tools", "--out", str(tmp_path / "tools.zip"))

    assert sorted(one.name for one in (tmp_path / "tools").iterdir()) == ["tools-strict.json", "tools.json"]
    with zipfile.ZipFile(tmp_path / "tools.zip") as archive:
        assert archive.namelist() == ["openai-tools/tools-strict.json", "openai-tools/tools.json"]


def test_one_of_several_files_can_be_printed() -> None:
    result = run("openai-tools", "--file", "tools.json")

    assert json.loads(result.stdout)[0]["function"]["name"] == "openai_chat"


def test_the_report_says_what_was_simplified_and_the_way_round_it() -> None:
    told = json.loads(run("openai-tools", "--report", "--json").stdout)
    shown = run("openai-tools", "--report").stdout

    assert told["target"] == "openai-tools"
    assert {
        "action": "openai.chat",
        "place": "metadata",
        "lost": "What it holds is not described. A strict tool cannot say that.",
        "instead": "The tool asks for it as JSON text.",
    } in told["losses"]
    assert f"{len(told['losses'])} things that OpenAI function tools cannot say" in shown
    assert "nothing was simplified" in run("openapi", "--report").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zapie"], "There is no export 'zapie'."),
        (["openapi", "--actions", "openai.nothing"], "No action matches openai.nothing."),
        (["openapi", "--server", "ftp://a.example.com"], "--server must be an address"),
        (["openai-tools"], "comes as 2 files"),
        (["openai-tools", "--file", "x.json"], "has no file 'x.json'"),
        (["openapi", "--out", "/dev/null/x.json"], "cannot be written"),
    ],
)
def test_a_wrong_wish_is_told_with_what_to_do(arguments: list[str], message: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) >= 2 or "cannot be written" in message
