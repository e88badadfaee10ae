from __future__ import annotations

import json
from collections.abc import Callable

from click.testing import Result

from hookline import hookimpl
from hookline.engine.catalog import build_catalog, describe
from hookline.plugins import PluginHost

NewHost = Callable[[], PluginHost]
Run = Callable[..., Result]


def test_list_shows_every_action(run: Run) -> None:
    result = run("actions", "list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()[:3]] == [
        "action",
        "acme.count",
        "acme.greet",
    ]
    assert "Say hello." in result.output


def test_list_as_json_is_what_the_api_answers(run: Run, new_host: NewHost) -> None:
    told = json.loads(run("actions", "list", "--json").output)
    actions = [describe(action, full=False) for action in build_catalog(new_host())]
    assert told == {"actions": actions, "count": 2}


def test_show_tells_name_type_need_limits_and_meaning_of_each_field(run: Run) -> None:
    lines = run("actions", "show", "acme.greet").output.splitlines()
    assert lines[0] == "acme.greet: Greet somebody (can stream)"
    rows = [" ".join(line.split()) for line in lines]
    assert "name text yes not empty Who is greeted." in rows
    assert "times whole number 1 to 3 How often." in rows
    assert "… and 1 more that forms hide at first; `--all` shows them." in rows
    assert '"name": "Ada"' in rows


def test_show_all_includes_the_fields_that_forms_hide(run: Run) -> None:
    rows = [
        " ".join(line.split()) for line in run("actions", "show", "acme.greet", "--all").output.splitlines()
    ]
    assert "tone text warm, cold How it sounds." in rows


def test_show_as_json_is_what_the_api_answers(run: Run, new_host: NewHost) -> None:
    told = json.loads(run("actions", "show", "acme.greet", "--json").output)
    assert told == describe(build_catalog(new_host()).find("acme.greet"))


def test_an_unknown_action_is_a_usage_error_with_a_suggestion(run: Run) -> None:
    result = run("actions", "show", "acme.great")
    assert result.exit_code == 2
    assert "There is no action 'acme.great'. Did you mean acme.greet" in result.stderr


def test_plugins_list_tells_status_and_order_of_hooks(run: Run) -> None:
    told = json.loads(run("plugins", "list", "--json").output)
    assert [(plugin["name"], plugin["status"]) for plugin in told["plugins"]] == [
        ("auth", "active"),
        ("acme", "active"),
        ("code", "active"),
        ("transport", "active"),
    ]
    assert told["hooks"]["hookline_register_connectors"] == ["acme"]
    assert told["hooks"]["hookline_execute"] == ["auth", "code", "transport"]


def test_plugins_list_shows_why_a_plugin_is_not_used(run: Run, plugins: dict[str, object]) -> None:
    class Unsound:
        @hookimpl
        def hookline_register_connectors(self) -> object:
            return "acme"

    plugins["acme"] = Unsound
    rows = [" ".join(line.split()) for line in run("plugins", "list").output.splitlines()]
    problem = "hookline_register_connectors() must return a list of Connector objects."
    assert f"acme built in refused {problem}" in " ".join(rows)  # the cell is broken into two lines
    assert "hookline_authenticate auth" in rows
