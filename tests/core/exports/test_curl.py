"""The export for cURL: read by shells, sent by curl, and imported by n8n's own reader of such commands."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export_runs import RUN_SETS, SERVER, SETS, blueprint_of, blueprint_of_one, listen
from hookline.exports.bundled import TARGETS
from hookline.exports.export import Export, make_export
from hookline.exports.names import flat_name
from hookline.exports.targets.curl import curl_command
from live_gateway import KEY

TARGET = next(one for one in TARGETS if one.name == "curl")
ANYTHING = blueprint_of_one({"type": "object"})
_READ = """
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
const [package_, ...files] = process.argv.slice(1);
const { toJsonObject } = await import(pathToFileURL(package_ + '/dist/src/index.js'));
const { readFileSync } = createRequire(package_ + '/')('node:fs');
console.log(JSON.stringify(files.map(file => toJsonObject(readFileSync(file, 'utf8')))));
"""


def export(name: str, server_url: str = SERVER) -> Export:
    return make_export(TARGET, blueprint_of(name, server_url))


def write(export: Export, folder: Path) -> list[Path]:
    """Write the files, and return their paths."""
    for name, content in export.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return [folder / name for name in export.files]


def run(file: Path, *, environ: dict[str, str], curlrc: str = "") -> tuple[int, str]:
    """Return status and body of the answer that a file's command gets from a real shell and a real curl."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    home = file.parent / "home"
    home.mkdir(exist_ok=True)
    (home / ".curlrc").write_text(
        f'silent\nshow-error\nnoproxy = "*"\nwrite-out = "\\n%{{http_code}}"\n{curlrc}'
    )
    done = subprocess.run(
        ["sh", str(file)],
        env={"PATH": os.environ["PATH"], "CURL_HOME": str(home), "LC_ALL": "C.UTF-8", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


@pytest.mark.parametrize("name", SETS)
def test_every_action_is_one_command_for_a_shell_and_one_to_paste(name: str) -> None:
    names = [flat_name(action.id) for action in blueprint_of(name).actions]
    assert list(export(name).files) == [f"{one}.sh" for one in names] + [f"n8n/{one}.sh" for one in names]


@pytest.mark.parametrize("name", RUN_SETS)
def test_every_command_runs_with_the_key_of_the_environment(name: str, tmp_path: Path) -> None:
    with listen(name, tmp_path) as url:
        files = [one for one in write(export(name, url), tmp_path) if one.parent == tmp_path]
        answers = {file.name: run(file, environ={"HOOKLINE_KEY": KEY}) for file in files}
    assert {file: status for file, (status, _) in answers.items()} == dict.fromkeys(answers, 200), answers


@pytest.mark.parametrize("name", RUN_SETS)
def test_a_pasted_command_holds_no_key_and_runs_with_a_credential_of_its_own(
    name: str, tmp_path: Path
) -> None:
    with listen(name, tmp_path) as url:
        files = [one for one in write(export(name, url), tmp_path) if one.parent != tmp_path]
        without = [run(file, environ={"HOOKLINE_KEY": KEY})[0] for file in files]
        with_it = [run(file, environ={}, curlrc=f'header = "X-API-Key: {KEY}"\n')[0] for file in files]
    assert (without, with_it) == ([401] * len(files), [200] * len(files))


@pytest.mark.parametrize("name", SETS)
def test_a_shell_reads_each_command_as_the_call_of_its_action(name: str) -> None:
    exported = export(name)
    for action in blueprint_of(name).actions:
        text = exported.files[f"{flat_name(action.id)}.sh"].decode()
        words = shlex.split(text, comments=True)
        assert words[:-1] == [
            *["curl", "-X", "POST", f"{SERVER}/actions/{action.id}"],
            *["-H", "Authorization: Bearer $HOOKLINE_KEY", "-H", "Content-Type: application/json", "--data"],
        ]
        assert json.loads(words[-1]) == action.sample_input
        assert [line for line in text.splitlines() if line.startswith("#")] == text.splitlines()[:2]


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text()), max_size=4))
@settings(max_examples=60)
def test_a_shell_hands_every_text_on_as_it_is(values: dict[str, Any]) -> None:
    (action,) = ANYTHING.actions
    command = curl_command(action, ANYTHING, input=values, with_key=False)
    script = f"curl() {{ for word; do printf '%s\\0' \"$word\"; done; }}\n{command}\n"
    done = subprocess.run(["sh"], input=script.encode(), capture_output=True, timeout=60, check=True)
    words = done.stdout.decode().split("\0")[:-1]
    assert words[:-1] == shlex.split(command)[1:-1]
    assert json.loads(words[-1]) == values


@pytest.mark.parametrize(
    "text", ["$HOME", "`id`", "$(id)", "it's", '"', "\\", "a\nb", "!!", "{{key}}", "@/etc/x", "ü🚀"]
)
def test_what_a_shell_would_replace_stays(text: str) -> None:
    (action,) = ANYTHING.actions
    command = curl_command(action, ANYTHING, input={"text": text})
    assert json.loads(shlex.split(command)[-1]) == {"text": text}
    assert "{{" not in command


@pytest.mark.parametrize("server", ["https://[::1]:8787", "https://hooks.example.com/{team}/[1-3]"])
def test_an_address_with_brackets_is_one_address(server: str) -> None:
    blueprint = blueprint_of("openai", server)
    words = shlex.split(curl_command(blueprint.actions[0], blueprint))
    assert words[:5] == ["curl", "-X", "POST", "--globoff", f"{server}/actions/openai.chat"]


@pytest.mark.parametrize("name", SETS)
def test_n8ns_reader_of_commands_takes_each_as_it_was_meant(name: str, tmp_path: Path) -> None:
    package = os.environ.get("HOOKLINE_CURLCONVERTER")
    if not package:
        pytest.skip("npm install curlconverter, and name its folder in HOOKLINE_CURLCONVERTER")
    files = [str(file) for file in write(export(name), tmp_path) if file.parent != tmp_path]
    command = ["node", "--input-type=module", "--eval", _READ, package, *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    blueprint = blueprint_of(name)
    query = {"queries": {"profile": "n8n"}} if blueprint.has_option("profile") else {}
    assert [{**read, "raw_url": ""} for read in json.loads(done.stdout)] == [
        {
            "url": f"{SERVER}/actions/{action.id}",
            "raw_url": "",
            "method": "post",
            "headers": {"Content-Type": "application/json"},
            "data": action.sample_input,
            **query,
        }
        for action in blueprint.actions
    ]


def test_the_same_catalog_gives_the_same_bytes() -> None:
    assert export("both").as_archive() == export("both").as_archive()
