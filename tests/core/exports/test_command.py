"""``hookline export``: what it prints, what it writes, and what it says when something is wrong."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from hookline import Blueprint, ExportTarget, hookimpl
from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.exports.bundled import TARGETS
from nasty_connector import nasty_host

if TYPE_CHECKING:
    from hookline.plugins import PluginHost

SERVER = ("--server", "https://hooks.example.com")


def run(*arguments: str, host: PluginHost | None = None, **environ: str) -> Result:
    context = CommandContext(
        environ={"HOOKLINE_SANDBOX": "true", "HOOKLINE_STATE_DIR": "none", **environ},
        make_host=None if host is None else lambda _: host,
    )
    return CliRunner().invoke(build_cli(), ["export", *arguments], obj=context)


def host_of(**target: Any) -> PluginHost:
    """Return plugins of which one, `acme`, adds a target `mine`."""

    class Adds:
        @hookimpl
        def hookline_register_exports(self) -> list[ExportTarget]:
            given = {"title": "Mine", "summary": "Mine.", "next_step": "Read {out}.", "file": "mine"}
            return [ExportTarget(**{"name": "mine", **given, **target})]

    host = nasty_host(with_installed=False)
    host.register(Adds(), name="acme")
    return host


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
        (["openapi", "--actions", "openai.nothing"], "No action matches `openai.nothing`."),
        (["openapi", "--actions", "openai.chat", "--actions", "openai.chta"], "Did you mean `openai.chat`?"),
        (["openapi", "--actions", "openai.chat,a,b"], "No action matches `a`, `b`."),
        (["openapi", "--actions", "opnai.*"], "Did you mean `openai.*`?"),
        (["openapi", "--actions", ""], "cannot be empty"),
        (["openapi", "--out", ""], "cannot be empty"),
        (["--out", "x"], "--out needs a TARGET, such as `hookline export openapi`"),
        (["--server", "https://a.example.com"], "--server needs a TARGET"),
        (["openapi", "--json"], "--json prints the list or the report: add --report"),
        (
            ["openai-tools", "--file", "tools.json", "--out", "x"],
            "--file prints one file, and --out is for all",
        ),
        (["openai-tools", "--file", "tools.json", "--report"], "--file prints one file, and --report is for"),
        (["openapi", "--report", "--out", "-"], "--report is printed too"),
        (["openai-tools", "--out", "-"], "comes as 2 files"),
        (["openai-tools", "--out", __file__], "is a file, and OpenAI function tools comes as 2 files."),
        (["openapi", "--server", "https://{{host}}"], "--server must be an address"),
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


def test_several_actions_are_named_with_commas_or_by_several_options() -> None:
    together = run("openapi", *SERVER, "--actions", "openai.chat, openai.edit")
    apart = run("openapi", *SERVER, "--actions", "openai.chat", "--actions", "openai.edit")

    assert together.exit_code == 0
    assert together.stdout == apart.stdout
    assert "/actions/openai.edit" in together.stdout


def test_a_report_and_a_file_are_both_made(tmp_path: Path) -> None:
    out = tmp_path / "tools"
    result = run("openai-tools", *SERVER, "--report", "--json", "--out", str(out))

    assert json.loads(result.stdout)["target"] == "openai-tools"
    assert sorted(path.name for path in out.iterdir()) == ["tools-strict.json", "tools.json"]
    assert "--report" not in result.stderr


@pytest.mark.parametrize(
    ("target", "out", "made", "next_step"),
    [
        ("openapi", "api.json", "api.json", "Import {out} where the tool asks for an OpenAPI document."),
        ("openapi", "new/", "new/openapi.json", "Import {out} where the tool asks for an OpenAPI document."),
        ("openapi", "x.zip", "x.zip", "Unpack {out}. Import openapi.json where"),
        ("n8n", "flow.json", "flow.json", "called Hookline, then import {out}."),
        ("zapier", "app", "app/app.json", "In the folder {folder}, type `npm install`"),
        ("power-platform", "c/", "c/apiProperties.json", "Import {folder}/apiDefinition.swagger.json under"),
        ("make", "app.zip", "app.zip", "VS Code, and give it {out}."),
        ("make", "app", "app/base.imljson", "Make takes an archive: write it with `--out hookline.zip`."),
    ],
)
def test_the_next_step_names_what_was_written(
    tmp_path: Path, target: str, out: str, made: str, next_step: str
) -> None:
    result = run(target, *SERVER, "--out", f"{tmp_path}/{out}")

    assert result.exit_code == 0
    assert f"wrote {tmp_path / made}\n" in result.stderr
    assert next_step.format(out=tmp_path / made, folder=tmp_path / out) in result.stderr
    assert "{out}" not in result.stderr


def test_an_archive_of_one_file_holds_that_file(tmp_path: Path) -> None:
    run("openapi", *SERVER, "--out", str(tmp_path / "api.zip"))

    with zipfile.ZipFile(tmp_path / "api.zip") as archive:
        assert archive.namelist() == ["openapi.json"]


def test_a_dash_is_the_standard_output() -> None:
    assert run("openapi", *SERVER, "--out", "-").stdout == run("openapi", *SERVER).stdout


def test_files_of_an_earlier_export_are_named_and_left(tmp_path: Path) -> None:
    run("curl", *SERVER, "--out", str(tmp_path))
    (tmp_path / "notes.txt").write_text("mine")
    again = run("curl", *SERVER, "--out", str(tmp_path), "--actions", "openai.chat,openai.edit")
    once_more = run("curl", *SERVER, "--out", str(tmp_path))

    assert f"Note: 8 files in {tmp_path} are not of this export: n8n/openai_complete.sh, " in again.stderr
    assert (tmp_path / "openai_embed.sh").is_file()
    assert "not of this export" not in once_more.stderr


@pytest.mark.parametrize("target", ["zapier", "make", "power-platform"])
def test_an_address_that_a_platform_cannot_reach_is_noted_once(tmp_path: Path, target: str) -> None:
    near = run(target, "--server", "http://gateway.example.com", "--out", str(tmp_path / "near.zip"))
    far = run(target, *SERVER, "--out", str(tmp_path / "far.zip"))
    unsaid = run(target, "--out", str(tmp_path / "unsaid.zip"))

    assert "reaches only public https:// addresses, and the export leads to http://gateway" in near.stderr
    assert "Note:" not in far.stderr
    assert unsaid.stderr.count("Note:") == 1
    assert "Note:" not in run("postman", "--server", "http://localhost").stderr


def test_one_thing_is_one_thing(tmp_path: Path) -> None:
    def make(blueprint: Blueprint) -> dict[str, object]:
        blueprint.losses.add("nasty.tree", "label", "It is gone.", "Nothing.")
        return {"mine.txt": "x"}

    written = run("mine", *SERVER, "--out", str(tmp_path), host=host_of(make=make))

    assert "Simplified 1 thing: `hookline export mine --report` lists them." in written.stderr
    assert "1 thing that Mine cannot say" in run("mine", *SERVER, "--report", host=host_of(make=make)).stdout


def test_a_target_that_fails_is_told_in_words() -> None:
    def make(blueprint: Blueprint) -> dict[str, object]:
        raise RuntimeError("a secret")

    result = run("mine", *SERVER, host=host_of(make=make))

    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == (
        "Error: The export 'mine' of the plugin 'acme' cannot be written: it failed with RuntimeError."
    )
    assert "a secret" not in result.output
