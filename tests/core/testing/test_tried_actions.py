"""Which actions of installed connectors a hook plugin is tried on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import hookline.testing
from hookline import Connector, Response, hookimpl
from hookline.testing import GatewayRecipe, GatewayUnderTest, HookSuite, ScriptedUpstream
from hookline.testing.tried_actions import input_for, tried_actions

TEXT_INPUT: dict[str, object] = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "size": {"type": "integer"}, "stream": {"type": "boolean"}},
    "required": ["text", "size", "stream"],
}


def crm() -> Connector:
    connector = Connector("crm", title="CRM", base_url="https://crm.example")
    for verb in ("write", "hide", "count"):
        schema: dict[str, object] = {"type": "object"} if verb == "count" else TEXT_INPUT
        connector.endpoint(
            verb, "POST", f"/{verb}", input=schema, output={"type": "object"}, is_hidden=verb == "hide"
        )
    return connector


@pytest.fixture
def made() -> Iterator[GatewayUnderTest]:
    recipe = GatewayRecipe(plugins=(crm(),), is_bare=True, with_connectors=True, is_sandbox=True)
    with GatewayUnderTest(recipe) as gateway:
        yield gateway


def test_actions_are_tried_that_take_a_text_and_that_the_plugin_is_for(made: GatewayUnderTest) -> None:
    def ids(*patterns: str) -> list[str]:
        return [
            action.id
            for action in tried_actions(made.app.catalog, lambda id: id.partition(".")[0] in patterns)
        ]

    assert ids("crm") == ["crm.write"]
    assert ids() == []
    assert {"openai.chat", "openai.complete", "openai.embed"} <= set(ids("openai"))


def test_an_input_fits_and_says_the_text(made: GatewayUnderTest) -> None:
    for action in tried_actions(made.app.catalog, lambda id: True):
        input = input_for(made.app.catalog, action, "Ada was here.")

        assert "stream" not in input
        assert "Ada was here." in input.values()
        if action.id != "crm.write":  # that one asks for `stream`
            assert made.app.catalog.entry_of(action).input.problems(input) == []
            assert made.call(action.id, input).status == 200


def test_connectors_are_there_only_where_they_are_asked_for(made: GatewayUnderTest) -> None:
    with GatewayUnderTest(GatewayRecipe(is_bare=True)) as bare:
        assert "openai" not in bare.connectors
    assert {"crm", "openai"} <= set(made.connectors)
    assert made.app.host.plugins.keys() & {"retry", "limits", "moderation"} == set()


def test_a_plugin_that_breaks_an_output_is_found_by_any_of_its_actions() -> None:
    class Loud:
        @hookimpl
        def hookline_process_response(self, response: Response) -> None:
            response.output.clear()

    class Suite(HookSuite):
        plugin = Loud
        applies_to = ("openai.embed",)

    with pytest.raises(pytest.fail.Exception, match=r"the output of openai\.embed does not fit"):
        Suite().test_outputs_keep_their_form(ScriptedUpstream())


def test_the_kit_names_no_service() -> None:
    folder = Path(hookline.testing.__file__).parent

    assert [path.name for path in folder.glob("*.py") if "hookline_openai" in path.read_text("utf-8")] == []
