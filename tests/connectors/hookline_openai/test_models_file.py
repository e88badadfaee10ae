"""The table of models: its rows make sense together, and a file can be laid over them."""

from __future__ import annotations

import json
import logging
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import hookline_openai
from hookline.connection import Connection
from hookline.errors import ConfigurationError
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings, load_settings
from hookline_openai.list_models import present_models
from hookline_openai.model_table import ModelTable, bundled, find, load, row_of, table_of
from small_service import Allow, Upstream

if TYPE_CHECKING:
    from tests.connectors.hookline_openai.conftest import MakeCall

SUPPORTED = {"chat", "completion", "edit", "embedding", "moderation", "responses_only"}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write a file of models and return its path."""

    def write(content: object) -> str:
        path = tmp_path / "models.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(path)

    return write


def gateway_with(path: str, **environ: str) -> Gateway:
    host = PluginHost()
    host.register(Allow(), name="allow")
    host.register(hookline_openai, name="openai")
    account = {} if environ else {"models_file": path}
    settings = Settings.model_validate({"connections": {"openai": account}})
    return Gateway(settings, host=host, transport=Upstream(), environ=environ)


def read(path: str) -> ModelTable:
    gateway = gateway_with(path)
    gateway.close()
    return table_of(gateway.connections["openai"])


def problem_with(path: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        gateway_with(path)
    return caught.value.message


# ---------------------------------------------------------------- the bundled rows


def test_rows_make_sense_one_by_one() -> None:
    for info in bundled():
        assert info.kind in SUPPORTED, info.id
        assert info.is_reasoning == (info.reasoning is not None), info.id
        if info.deprecated_on and info.shutdown_on:
            assert info.deprecated_on <= info.shutdown_on, info.id
        if info.deprecated_on or info.replacement:
            assert info.shutdown_on is not None, info.id
        if info.reasoning is not None:
            assert "max_tokens" in info.reasoning.always_rejected, info.id
            if info.reasoning.sampling_params == "accepted_at_default_effort_none":
                assert info.reasoning.default_effort == "none", info.id
            if info.reasoning.sampling_params != "rejected":
                assert "none" in (info.reasoning.effort_values or ()), info.id


def test_every_replacement_is_a_row_and_every_chain_ends_at_one_without_an_end() -> None:
    table = bundled()
    for info in table:
        seen = {info.id}
        at = info
        while at.replacement is not None:
            assert at.replacement not in seen, info.id
            seen.add(at.replacement)
            successor = table.models[at.replacement]
            assert successor.kind == at.kind or successor.kind == "chat", info.id
            at = successor
        if info.replacement is not None:
            assert at.shutdown_on is None or at.shutdown_on > table.as_of, info.id


def test_what_one_name_cannot_say_is_flagged() -> None:
    flagged = {
        info.id: (info.replacement, info.replacement_note) for info in bundled() if info.replacement_note
    }
    assert flagged["gpt-4-0314"] == ("gpt-5", "or gpt-4.1")
    assert flagged["codex-mini-latest"][0] is None
    assert not any(set(" (") & set(info.replacement or "") for info in bundled())


def test_endpoints_that_are_gone_have_their_days() -> None:
    edits = bundled().endpoints["/v1/edits"]
    assert (edits.deprecated_on, edits.shutdown_on) == (date(2023, 7, 6), date(2024, 1, 4))
    assert edits.replacement == "/v1/chat/completions"
    assert bundled().endpoints["/v1/completions"].shutdown_on is None


def test_the_table_is_read_once_and_says_how_old_it_is() -> None:
    connection = Connection(name="openai", connector="openai", base_url="https://api.openai.com/v1")
    assert table_of(connection) is table_of(connection) is bundled()
    assert bundled().models is load()
    assert bundled().as_of >= date(2026, 11, 22)
    assert len(bundled()) == len(load()) > 150
    assert find("gpt-4o") is bundled().find("gpt-4o")


@pytest.mark.parametrize("id", ["", "ft:", "ft::", "ft:gpt-nothing:x", "gpt-4o ", "GPT-4O"])
def test_other_names_are_not_in_it(id: str) -> None:
    assert bundled().find(id) is None


# ---------------------------------------------------------------- a file over them


def test_a_row_changes_only_what_it_names(write: Any) -> None:
    path = write(
        {
            "as_of": "2027-02-03",
            "models": [
                {"id": "gpt-4o", "shutdown_on": "2027-06-01"},
                {"id": "gpt-7", "kind": "chat", "context_window": 2_000_000},
                {"id": "gpt-4", "shutdown_on": None, "deprecated_on": None, "replacement": None},
            ],
            "endpoints": [{"path": "/v1/completions", "shutdown_on": "2027-03-01"}],
        }
    )
    table = read(path)
    before = bundled().models["gpt-4o"]
    assert table.as_of == date(2027, 2, 3)
    assert table.models["gpt-4o"].shutdown_on == date(2027, 6, 1)
    assert (table.models["gpt-4o"].price, table.models["gpt-4o"].replacement) == (
        before.price,
        before.replacement,
    )
    assert table.models["gpt-7"].context_window == 2_000_000
    assert not table.models["gpt-7"].is_reasoning
    assert not table.models["gpt-4"].is_retired(date(2099, 1, 1))
    assert table.models["gpt-5"] == bundled().models["gpt-5"]
    completions = table.endpoints["/v1/completions"]
    assert (completions.shutdown_on, completions.replacement) == (date(2027, 3, 1), "/v1/chat/completions")
    assert len(table) == len(bundled()) + 1
    assert "gpt-7" not in load()


def test_our_own_file_laid_over_itself_changes_nothing() -> None:
    own = Path(hookline_openai.__file__).with_name("models.json")
    table = read(str(own))
    assert list(table) == list(bundled())
    assert (table.endpoints, table.as_of) == (bundled().endpoints, bundled().as_of)


def test_a_file_can_be_named_in_the_environment_and_by_toml(write: Any, tmp_path: Path) -> None:
    path = write({"models": [{"id": "gpt-7", "kind": "chat"}]})
    gateway = gateway_with(path, HOOKLINE_OPENAI_MODELS_FILE=path)
    assert table_of(gateway.connections["openai"]).find("gpt-7") is not None
    gateway.close()
    config = tmp_path / "hookline.toml"
    config.write_text(f"[connections.openai]\nmodels_file = {json.dumps(path)}\n")
    settings = load_settings({"HOOKLINE_CONFIG": str(config)})
    assert (settings.connections["openai"].model_extra or {})["models_file"] == path


def test_the_variable_is_known(write: Any, caplog: pytest.LogCaptureFixture) -> None:
    path = write({})
    with caplog.at_level(logging.WARNING, "hookline"):
        gateway_with(path, HOOKLINE_OPENAI_MODELS_FILE=path).close()
    assert caplog.messages == []


def test_a_row_is_that_of_the_connection_s_table(write: Any) -> None:
    rows = [{"id": "gpt-7", "kind": "chat"}, {"id": "gpt-4o", "max_output_tokens": 7}]
    gateway = gateway_with(write({"models": rows}))
    own = gateway.connections["openai"]
    other = Connection(name="other", connector="openai", base_url=own.base_url)
    for connection in (own, other):
        table = table_of(connection)
        for id in (*table.models, "gpt-7", "ft:gpt-7:acme::x", "ft:gpt-4o:acme::x", "nobody", ""):
            assert row_of(connection, id) is table.find(id), id
    assert row_of(own, "gpt-7") is not None
    assert row_of(other, "gpt-7") is None
    gateway.close()


def test_a_file_is_read_anew_by_each_gateway_and_kept_by_one_that_runs(write: Any) -> None:
    path = write({"models": [{"id": "gpt-7", "kind": "chat"}]})
    running = gateway_with(path)
    first = table_of(running.connections["openai"])
    write({"models": [{"id": "gpt-8", "kind": "chat"}]})
    assert table_of(running.connections["openai"]) is first
    assert read(path).find("gpt-8") is not None
    running.close()


def test_the_list_of_models_is_picked_by_the_file(write: Any, make_call: MakeCall) -> None:
    path = write({"models": [{"id": "acme-7", "kind": "embedding"}]})
    connection = gateway_with(path).connections["openai"]
    from dataclasses import replace

    raw = {"object": "list", "data": [{"id": "acme-7"}, {"id": "gpt-4o"}]}
    for kind, ids in (("embedding", ["acme-7"]), ("chat", ["gpt-4o"])):
        call = replace(make_call("list_models", {"kind": kind}), connection=connection)
        assert [one["id"] for one in present_models(call, raw)["models"]] == ids  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b'{"models": [\xff]}', "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        ([], "Input should be an object"),
        (None, "Input should be an object"),
        ({"model": []}, "model: Extra inputs are not permitted"),
        ({"models": {}}, "models: Input should be a valid array"),
        ({"as_of": "soon"}, "as_of: Input should be a valid date"),
        ({"models": [{"id": "gpt-4o"}, "gpt-4"]}, "models[1]: "),
        ({"models": [{"kind": "chat"}]}, "models[0].id: Field required"),
        ({"models": [{"id": ""}]}, "models[0].id: "),
        ({"models": [{"id": 4}]}, "models[0].id: "),
        ({"models": [{"id": "gpt-7"}]}, "models[0] (gpt-7): `kind` is missing"),
        ({"models": [{"id": "gpt-7", "kind": "cat"}]}, "models[0].kind (gpt-7): "),
        ({"models": [{"id": "gpt-4o", "shutdown": "2027-01-01"}]}, "models[0].shutdown (gpt-4o): "),
        ({"models": [{"id": "gpt-4o", "shutdown_on": "2027-13-01"}]}, "models[0].shutdown_on (gpt-4o): "),
        ({"models": [{"id": "gpt-4o", "shutdown_on": 20270101}]}, "models[0].shutdown_on (gpt-4o): "),
        ({"models": [{"id": "gpt-4o", "context_window": -1}]}, "models[0].context_window (gpt-4o): "),
        ({"models": [{"id": "gpt-4o", "is_reasoning": "yes"}]}, "models[0].is_reasoning (gpt-4o): "),
        ({"models": [{"id": "gpt-4o", "reasoning": {}}]}, "models[0].reasoning.effort_values (gpt-4o): "),
        (
            {"models": [{"id": "gpt-4o", "price_usd_per_1m": {"input": -1}}]},
            "price_usd_per_1m.input (gpt-4o)",
        ),
        ({"models": [{"id": "gpt-4o"}, {"id": "gpt-4o"}]}, "models[1] (gpt-4o): this row is there twice"),
        (
            {"models": [{"id": "gpt-4o", "shutdown_on": "2020-01-01"}]},
            "models[0] (gpt-4o): `deprecated_on` is after `shutdown_on`",
        ),
        ({"models": [{"id": "gpt-4o", "replacement": "gpt-4o"}]}, "`replacement` is the model itself"),
        ({"endpoints": [{"path": "v1"}]}, "endpoints[0].path (v1): "),
    ],
)
def test_a_file_that_is_not_right_keeps_the_gateway_from_starting(
    write: Any, content: object, words: str
) -> None:
    path = write(content)
    message = problem_with(path)
    assert message.startswith(f"models_file {path}: ")
    assert words in message


def test_a_file_that_is_not_there_keeps_the_gateway_from_starting(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.json")
    assert (
        problem_with(missing) == f"models_file {missing}: the file cannot be read: No such file or directory."
    )
    assert "Is a directory" in problem_with(str(tmp_path))
    assert "the file cannot be read" in problem_with("a\x00b")
