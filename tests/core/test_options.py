"""Options of plugins: layers by action and key, from file and environment, and errors that name the place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import Field

from hookline import Call, Principal, hookimpl
from hookline.errors import ConfigurationError
from hookline.options import LayeredOptions, PluginOptions, load_model
from hookline.settings import Settings, load_settings
from small_service import make_gateway, say

if TYPE_CHECKING:
    from pathlib import Path

    from hookline.gateway import Gateway


class LoudOptions(PluginOptions):
    """Options of a plugin."""

    volume: int = Field(3, ge=0, le=11, description="How loud.")
    words: tuple[str, ...] = Field((), description="What is said.")
    limits: dict[str, float] = Field({}, description="By name.")
    mode: str | None = Field(None, description="How.")


class Loud:
    """A plugin with options."""

    options = LoudOptions

    def __init__(self) -> None:
        self.layers: LayeredOptions[LoudOptions] | None = None
        self.volumes: list[int] = []

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        self.layers = gateway.options_of(LoudOptions)

    @hookimpl
    def hookline_shape_request(self, call: Call) -> None:
        assert self.layers is not None
        self.volumes.append(self.layers.for_call(call).volume)


def layers(**values: object) -> LayeredOptions[LoudOptions]:
    return LayeredOptions(LoudOptions, values, {}, name="loud")


def test_later_tables_win_over_earlier_ones() -> None:
    found = layers(
        volume=1,
        words=["base"],
        actions={"acme.*": {"volume": 2, "mode": "connector"}, "acme.say": {"volume": 3}},
        keys={"k1": {"volume": 4, "actions": {"acme.*": {"volume": 5}, "acme.say": {"volume": 6}}}},
    )

    assert found.base.volume == 1
    assert found.find(action_id="other.go").volume == 1
    assert found.find(action_id="acme.look").volume == 2
    assert found.find(action_id="acme.say").volume == 3
    assert found.find(action_id="other.go", key_id="k1").volume == 4
    assert found.find(action_id="acme.look", key_id="k1").volume == 5
    assert found.find(action_id="acme.say", key_id="k1") == LoudOptions(
        volume=6, words=("base",), mode="connector"
    )


def test_a_call_gets_the_options_of_its_key_and_action() -> None:
    plugin = Loud()
    table = {"volume": 1, "keys": {"k1": {"actions": {"acme.say": {"volume": 7}}}}}
    gateway = make_gateway(plugin, settings=Settings(plugins={"plugin1": table}))

    for key_id in ("k1", "k2", "k1"):
        gateway.runner.run(Principal(key_id=key_id, scopes=frozenset({"actions:run"})), say())

    assert plugin.volumes == [7, 1, 7]


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "hookline.toml"
    file.write_text("[plugins.plugin1]\nvolume = 1\nmode = 'file'\n")
    environ = {
        "HOOKLINE_CONFIG": str(file),
        "HOOKLINE_PLUGIN1_VOLUME": "9",
        "HOOKLINE_PLUGIN1_WORDS": "a, b",
    }

    gateway = make_gateway(Loud(), settings=load_settings(environ), environ=environ)

    assert gateway.options_of(LoudOptions).base == LoudOptions(volume=9, words=("a", "b"), mode="file")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"volume": 12}, "plugins.plugin1: `volume`: Input should be less than or equal to 11."),
        ({"volum": 1}, "plugins.plugin1: there is no setting `volum`. Did you mean `volume`?"),
        (
            {"actions": {"acme.say": {"volume": -1}}},
            'plugins.plugin1.actions."acme.say": `volume`: Input should be greater than or equal to 0.',
        ),
        (
            {"keys": {"k1": {"actions": {"acme.*": {"loud": 1}}}}},
            'plugins.plugin1.keys.k1.actions."acme.*": there is no setting `loud`.',
        ),
        (
            {"actions": {"acme.sya": {}}},
            "plugins.plugin1.actions.\"acme.sya\": there is no action 'acme.sya'. Did you mean 'acme.say'?",
        ),
        (
            {"keys": {"k1": {"actions": {"zzz.*": {}}}}},
            "plugins.plugin1.keys.k1.actions.\"zzz.*\": there is no action 'zzz.*'. "
            "`hookline actions list` shows them all.",
        ),
        ({"keys": {"k1": 3}}, "`plugins.plugin1.keys` must hold tables."),
        ({"actions": []}, "`plugins.plugin1.actions` must hold tables."),
        (3, "`plugins.plugin1` must be a table."),
    ],
)
def test_a_wrong_option_keeps_the_gateway_from_starting_and_is_named(table: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match="plugin1") as caught:
        make_gateway(Loud(), settings=Settings(plugins={"plugin1": table}))

    assert caught.value.message == message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("plugin2", "plugins.plugin2: there is no such plugin or setting. Did you mean `plugins.plugin1`?"),
        ("requird", "plugins.requird: there is no such plugin or setting. Did you mean `plugins.required`?"),
        ("allow", "plugins.allow: this plugin has no options."),
    ],
)
def test_a_table_that_nobody_reads_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_gateway(Loud(), settings=Settings(plugins={name: {}}))

    assert caught.value.message == message


def test_a_wrong_value_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as caught:
        layers(volume="sk-secret")

    assert "sk-secret" not in caught.value.message


@pytest.mark.parametrize("declared", ["hookline.options:Nothing", "no_such_module:X", "", str, "os:path"])
def test_options_that_cannot_be_loaded_name_the_plugin(declared: object) -> None:
    with pytest.raises(ConfigurationError, match="Plugin 'loud'"):
        load_model(declared, plugin="loud")


def test_options_may_be_named_by_a_text_so_that_they_are_loaded_late() -> None:
    assert load_model("hookline.options:PluginOptions", plugin="loud") is PluginOptions


def test_options_of_a_plugin_that_is_not_there_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="No active plugin declares the options LoudOptions"):
        make_gateway().options_of(LoudOptions)
