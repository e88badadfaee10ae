"""Plugins: found one by one, refused with words that help, and blamed for what they do."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.metadata import EntryPoint, PathDistribution, entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pluggy
import pytest

from hookline import hookimpl
from hookline.connector import Connector
from hookline.engine.catalog import build_catalog
from hookline.errors import ConfigurationError, HooklineError, InvalidInputError, PluginError
from hookline.plugins import PluginHost, PluginInfo, _name_and_version

Install = Callable[..., EntryPoint]

PLUGIN = """
from hookline import hookimpl

@hookimpl
def hookline_shape_request(call, request):
    request.headers["x-from"] = __name__
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install modules and distributions that exist for one test only."""
    before = set(sys.modules)

    def install_one(
        name: str, source: str = PLUGIN, *, distribution: str = "", module: str = "", value: str = ""
    ) -> EntryPoint:
        distribution = distribution or f"hookline-{name}"
        module = module or f"temporary_{name}"
        folder = tmp_path / distribution
        package = folder / module
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text(source)
        info = folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        points = info / "entry_points.txt"
        text = points.read_text() if points.exists() else "[hookline]\n"
        points.write_text(f"{text}{name} = {value or module}\n")
        monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()
        return next(
            point
            for point in entry_points(group="hookline")
            if point.name == name and point.dist is not None and point.dist.name == distribution
        )

    yield install_one
    for module in set(sys.modules) - before:
        if module.startswith("temporary_"):
            del sys.modules[module]


def loaded(*points: EntryPoint) -> PluginHost:
    host = PluginHost()
    host.load(points)
    return host


def refusal(plugin: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        PluginHost().register(plugin, name="acme")
    return caught.value.message


# ---------------------------------------------------------------- found


def test_an_installed_plugin_is_found_by_its_entry_point_and_described(install: Install) -> None:
    install("acme")
    host = PluginHost()

    host.load()

    assert host.plugins["acme"] == PluginInfo(
        name="acme",
        distribution="hookline-acme",
        version="1.2",
        module="temporary_acme",
        status="active",
        hooks=["hookline_shape_request"],
    )
    assert "acme" in host.order()["hookline_shape_request"]


def test_bundled_plugins_are_found_in_the_same_way() -> None:
    host = PluginHost()

    host.load()

    bundled = {name: info.status for name, info in host.plugins.items() if info.distribution == "hookline"}
    assert bundled == dict.fromkeys(bundled, "active")
    assert {"auth", "credentials", "openai", "request_id", "sandbox", "structured"} <= bundled.keys()


def test_a_plugin_whose_import_fails_is_reported_and_the_others_work(install: Install) -> None:
    broken = {
        "raises": install("raises", "raise RuntimeError('no database')"),
        "exits": install("exits", "raise SystemExit(3)"),
        "misspelt": install("misspelt", "def"),
        "lacks": install("lacks", "import a_module_that_does_not_exist"),
        "unnamed": install("unnamed", "", value="temporary_unnamed:Plugin"),
        "needs": install(
            "needs", "class Plugin:\n    def __init__(self, x): ...", value="temporary_needs:Plugin"
        ),
    }

    host = loaded(*broken.values(), install("sound"))

    assert {name: info.status for name, info in host.plugins.items()} == {
        **dict.fromkeys(broken, "broken"),
        "sound": "active",
    }
    assert host.plugins["raises"].problem == "Its import failed with RuntimeError: no database"
    assert "a_module_that_does_not_exist" in host.plugins["lacks"].problem
    assert host.order()["hookline_shape_request"] == ["sound"]


def test_a_plugin_that_breaks_when_it_is_looked_at_is_left_out_and_the_others_work(install: Install) -> None:
    odd = install(
        "odd",
        "class Plugin:\n    @property\n    def name(self):\n        raise ValueError('not yet')",
        value="temporary_odd:Plugin",
    )

    host = loaded(odd, install("sound"))

    assert host.plugins["odd"].status == "refused"
    assert host.plugins["odd"].problem == "Looking for its hooks failed with ValueError: not yet"
    assert host.plugins["sound"].status == "active"


def test_two_distributions_with_one_name_are_both_refused_by_name(install: Install) -> None:
    one = install("acme", distribution="hookline-acme", module="temporary_acme")
    other = install("acme", distribution="evil-acme", module="temporary_evil")

    host = loaded(one, other, install("sound"))

    assert host.plugins["acme"] == PluginInfo(
        name="acme",
        distribution="evil-acme, hookline-acme",
        module="temporary_acme",
        status="refused",
        problem="The distributions evil-acme and hookline-acme both call a plugin 'acme'; "
        "neither is used. Uninstall one of them.",
    )
    assert host.order()["hookline_shape_request"] == ["sound"]
    assert "temporary_acme" not in sys.modules
    assert "temporary_evil" not in sys.modules


def test_one_module_under_two_names_is_used_once(install: Install) -> None:
    first = install("first", module="temporary_same")
    second = install("second", distribution="hookline-first", module="temporary_same")

    host = loaded(first, second)

    assert {name: info.status for name, info in host.plugins.items()} == {
        "first": "active",
        "second": "refused",
    }
    assert "registered already" in host.plugins["second"].problem
    assert host.order()["hookline_shape_request"] == ["first"]


def test_a_class_is_instantiated_once_per_host(install: Install) -> None:
    source = PLUGIN.replace("@hookimpl\ndef", "class Plugin:\n  @hookimpl\n  def").replace(
        "(call", "(self, call"
    )
    point = install("acme", source, value="temporary_acme:Plugin")

    one, other = loaded(point), loaded(point)

    plugins = [host.hook.hookline_shape_request.get_hookimpls()[0].plugin for host in (one, other)]
    assert plugins[0] is not plugins[1]
    assert type(plugins[0]) is type(plugins[1])


def test_a_disabled_plugin_is_not_even_imported(install: Install) -> None:
    points = [install("acme", "raise RuntimeError"), install("sound")]
    host = PluginHost()

    host.load(points, disabled=["acme"])

    assert host.plugins["acme"].status == "disabled"
    assert host.plugins["acme"].problem == "Switched off by setting."
    assert "temporary_acme" not in sys.modules
    assert host.order()["hookline_shape_request"] == ["sound"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"disabled": ["acmee"]},
            "'acmee', which is not installed. Did you mean 'acme'?",
        ),
        ({"required": ["zzz"]}, "plugins.required names 'zzz', which is not installed."),
        ({"required": ["broken"]}, "The required plugin 'broken' is not active: Its import failed with"),
        ({"required": ["acme"], "disabled": ["acme"]}, "is not active: Switched off by setting."),
    ],
)
def test_a_setting_that_cannot_be_kept_stops_the_start(
    settings: dict[str, list[str]], words: str, install: Install
) -> None:
    points = [install("acme"), install("broken", "raise RuntimeError")]

    with pytest.raises(ConfigurationError) as caught:
        PluginHost().load(points, **settings)

    assert words in caught.value.message


def test_a_required_plugin_that_is_active_is_enough(install: Install) -> None:
    host = PluginHost()

    host.load([install("acme")], required=["acme"])

    assert host.plugins["acme"].status == "active"


# ---------------------------------------------------------------- refused


def test_async_hooks_are_refused_with_what_to_write() -> None:
    class Coroutine:
        @hookimpl
        async def hookline_shape_request(self, call: object) -> None: ...

    class Generator:
        @hookimpl
        async def hookline_execute(self, call: object) -> AsyncIterator[None]:
            yield

    assert refusal(Coroutine()) == (
        "Plugin 'acme': hookline_shape_request() is declared with `async def`; "
        "hooks are plain functions. Write `def`."
    )
    assert "hookline_execute() is declared with `async def`" in refusal(Generator())


def test_an_unknown_hook_is_refused_with_the_one_that_was_meant() -> None:
    class Misspelt:
        @hookimpl
        def hookline_shape_requests(self) -> None: ...

    class Unknown:
        @hookimpl
        def on_startup(self) -> None: ...

    assert refusal(Misspelt()) == (
        "Plugin 'acme': hookline_shape_requests() is not a hook of this version. "
        "Did you mean hookline_shape_request()?"
    )
    assert refusal(Unknown()).startswith("Plugin 'acme': on_startup() is not a hook of this version.")


def test_an_argument_that_no_caller_hands_over_is_refused_with_those_there_are() -> None:
    class Unknown:
        @hookimpl
        def hookline_shape_request(self, call: object, response: object) -> None: ...

    class Rest:
        @hookimpl
        def hookline_shape_request(self, **arguments: object) -> None: ...

    class Default:
        @hookimpl
        def hookline_shape_request(self, call: object = None) -> None: ...

    assert refusal(Unknown()) == (
        "Plugin 'acme': hookline_shape_request() takes unknown argument(s) response; "
        "it may take any of: call, request."
    )
    assert "takes unknown argument(s) arguments" in refusal(Rest())
    assert "gives its argument call a default" in refusal(Default())


def test_a_hook_without_its_mark_is_refused(install: Install) -> None:
    class Unmarked:
        @hookimpl
        def hookline_shape_request(self, call: object) -> None: ...

        def hookline_execute(self, call: object) -> None: ...

    module = install("acme", PLUGIN + "\ndef hookline_execute(call): ...\n")
    words = "hookline_execute() is not marked and would never run; put @hookimpl above it."

    assert refusal(Unmarked()) == f"Plugin 'acme': {words}"
    assert loaded(module).plugins["acme"].problem == f"Plugin 'acme': {words}"


def test_a_marked_function_of_another_plugin_may_be_imported_for_use(install: Install) -> None:
    install("other", "def hookline_execute(call): ...\n")

    host = loaded(install("acme", PLUGIN + "\nfrom temporary_other import hookline_execute\n"))

    assert host.plugins["acme"].status == "active"


def test_a_plugin_without_any_hook_is_refused() -> None:
    assert refusal(object()).startswith("Plugin 'acme' implements no hook; mark at least one function")


@pytest.mark.parametrize(
    ("hook_name", "argument"),
    [
        ("hookline_authenticate", "request"),
        ("hookline_authorize", "call"),
        ("hookline_choose_connections", "call"),
        ("hookline_admit", "estimate"),
        ("hookline_settle", "reservation"),
        ("hookline_record_usage", "usage"),
        ("hookline_shutdown", "gateway"),
        ("hookline_resolve_credential", "call"),
        ("hookline_apply_upstream_auth", "secret"),
        ("hookline_startup", "gateway"),
        ("hookline_register_routes", "routes"),
    ],
)
@pytest.mark.parametrize("style", ["wrapper", "hookwrapper"])
def test_no_wrapper_stands_around_a_hook_that_takes_none(hook_name: str, argument: str, style: str) -> None:
    namespace: dict[str, object] = {"hookimpl": hookimpl}
    exec(f"@hookimpl({style}=True)\ndef {hook_name}({argument}):\n    yield", namespace)
    plugin = type("Plugin", (), {hook_name: staticmethod(namespace[hook_name])})()  # type: ignore[arg-type]

    assert f"{hook_name}() is a wrapper; " in refusal(plugin)


def test_a_wrapper_that_does_not_yield_and_a_yield_without_wrapper_are_refused() -> None:
    class Silent:
        @hookimpl(wrapper=True)
        def hookline_execute(self, call: object) -> None: ...

    class Generator:
        @hookimpl
        def hookline_execute(self, call: object) -> Iterator[None]:
            yield

    assert "must yield exactly once if it is a wrapper" in refusal(Silent())
    assert "must yield exactly once if it is a wrapper" in refusal(Generator())


def test_a_name_is_taken_once() -> None:
    class One:
        @hookimpl
        def hookline_shape_request(self, call: object) -> None: ...

    host = PluginHost()
    host.register(One(), name="acme")

    with pytest.raises(ConfigurationError, match="registered already"):
        host.register(One(), name="acme")

    assert host.order()["hookline_shape_request"] == ["acme"]


# ---------------------------------------------------------------- called


def test_the_order_is_last_registered_first_with_wrappers_around() -> None:
    def plugin(*, first: bool = False, last: bool = False) -> object:
        class Plugin:
            @hookimpl(tryfirst=first, trylast=last)
            def hookline_shape_request(self, call: object) -> None: ...

        return Plugin()

    class Wrapper:
        @hookimpl(wrapper=True)
        def hookline_shape_request(self) -> Iterator[None]:
            yield

    host = PluginHost()
    host.register(plugin(last=True), name="last")
    host.register(plugin(), name="one")
    host.register(plugin(first=True), name="first")
    host.register(Wrapper(), name="around")
    host.register(plugin(), name="two")

    order = host.order()

    assert order["hookline_shape_request"] == ["around", "first", "two", "one", "last"]
    assert list(order)[:3] == ["hookline_register_connectors", "hookline_startup", "hookline_catalog_changed"]
    assert {name: found for name, found in order.items() if found} == {
        "hookline_shape_request": ["around", "first", "two", "one", "last"]
    }


def test_implementations_are_called_one_by_one_with_the_arguments_they_take() -> None:
    class One:
        @hookimpl
        def hookline_shape_request(self, request: str) -> str:
            return f"one {request}"

    class Other:
        @hookimpl(specname="hookline_shape_request")
        def change(self) -> str:
            return "other"

    host = PluginHost()
    host.register(One(), name="one")
    host.register(Other(), name="other")

    results = [
        (name, run(call="c", request="r")) for name, run in host.implementations("hookline_shape_request")
    ]

    assert results == [("other", "other"), ("one", "one r")]
    assert host.has("hookline_shape_request")
    assert not host.has("hookline_execute")


def test_a_plugin_that_is_left_out_later_is_called_no_more() -> None:
    class Plugin:
        @hookimpl
        def hookline_shape_request(self, call: object) -> None: ...

    host = PluginHost()
    host.register(Plugin(), name="acme")

    host.leave_out("acme", "It is unsound.")

    assert (host.plugins["acme"].status, host.plugins["acme"].problem) == ("refused", "It is unsound.")
    assert not host.has("hookline_shape_request")


# ---------------------------------------------------------------- connectors


def connector(id: str, *, schema: dict[str, object] | None = None) -> Connector:
    made = Connector(id, title=id, base_url="https://api.example")
    made.endpoint("find", "GET", "/find", input=schema or {"type": "object"}, output={"type": "object"})
    return made


class Registers:
    """A plugin that adds what it was made with."""

    def __init__(self, found: object) -> None:
        self.found = found

    @hookimpl
    def hookline_register_connectors(self) -> object:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    @hookimpl
    def hookline_shape_request(self, call: object) -> None: ...


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            [connector("good"), connector("bad", schema={"type": "nope"})],
            "The schema of the input of bad",
        ),
        ([connector("same"), connector("same")], "There is a connector 'same' already."),
        (connector("alone"), "must return a list of Connector objects"),
        (["name"], "must return a list of Connector objects"),
        (RuntimeError("no network"), "failed with RuntimeError: no network"),
    ],
)
def test_a_plugin_with_an_unsound_connector_is_left_out_as_a_whole(found: object, words: str) -> None:
    host = PluginHost()
    host.register(Registers(found), name="unsound")
    host.register(Registers([connector("taken")]), name="sound")

    catalog = build_catalog(host)

    assert list(catalog.connectors) == ["taken"]
    assert [action.id for action in catalog] == ["taken.find"]
    assert host.plugins["unsound"].status == "refused"
    assert words in host.plugins["unsound"].problem
    assert host.order()["hookline_shape_request"] == ["sound"]


def test_two_plugins_with_the_same_connector_are_both_left_out() -> None:
    host = PluginHost()
    host.register(Registers([connector("taken"), connector("own")]), name="first")
    host.register(Registers([connector("taken")]), name="second")
    host.register(Registers([connector("other")]), name="third")

    catalog = build_catalog(host)

    assert list(catalog.connectors) == ["other"]
    assert {name: host.plugins[name].status for name in ("first", "second", "third")} == {
        "first": "refused",
        "second": "refused",
        "third": "active",
    }
    assert "both have a connector 'taken'" in host.plugins["first"].problem


# ---------------------------------------------------------------- blamed

FAILS = """
from hookline import hookimpl

@hookimpl
def hookline_shape_request(call):
    raise ValueError("sk-very-secret-text")
"""
WRAPS = """
from hookline import hookimpl

@hookimpl(wrapper=True)
def hookline_shape_request():
    return (yield)
"""
ASKS_CORE = """
from hookline import hookimpl

@hookimpl
def hookline_shape_request(call):
    from hookline.connection import Connection
    Connection(name="x", connector="x", base_url=7)
"""


def blamed(host: PluginHost) -> HooklineError:
    try:
        host.hook.hookline_shape_request(call=None, request=SimpleNamespace(headers={}))
    except Exception as exc:
        return host.to_error(exc)
    pytest.fail("nothing was raised")


@pytest.mark.parametrize("others", [[], ["quiet"], ["around"], ["around", "quiet"]])
@pytest.mark.parametrize("source", [FAILS, ASKS_CORE], ids=["fails itself", "misuses the core"])
def test_whoever_raised_is_blamed_and_what_it_said_is_kept_back(
    source: str, others: list[str], install: Install
) -> None:
    points = [install(name, {"quiet": PLUGIN, "around": WRAPS}[name]) for name in others]

    error = blamed(loaded(*points, install("acme", source)))

    assert isinstance(error, PluginError)
    assert (error.plugin, error.distribution, error.status) == ("acme", "hookline-acme", 500)
    assert error.message.startswith("The plugin 'acme' failed with ")
    assert "sk-very-secret-text" not in error.message
    assert error.__cause__ is not None


def test_an_error_of_the_tree_is_handed_on_as_it_is() -> None:
    error = InvalidInputError("No.")

    assert PluginHost().to_error(error) is error


def test_a_failure_that_is_nobody_s_is_the_gateway_s_own_and_tells_nothing() -> None:
    try:
        raise RuntimeError("sk-very-secret-text")
    except RuntimeError as exc:
        error = PluginHost().to_error(exc)

    assert (type(error), error.status, error.code) == (HooklineError, 500, "internal_error")
    assert error.message == "The gateway failed while handling this call."


def test_metadata_that_is_missing_or_no_text_is_described_as_text() -> None:
    class Odd(PathDistribution):
        @property
        def name(self) -> str:
            return "acme\ud800"

        @property
        def version(self) -> str:
            return cast("str", None)

    assert _name_and_version(Odd(Path("acme.dist-info"))) == ("acme?", "")


def test_only_what_holds_hooks_is_looked_at_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """pluggy looks at every attribute statically, which took half of the time that plugins take to load."""
    looked_at: list[str] = []

    class Plugin:
        limit = 1

        @property
        def size(self) -> int:
            return 2

        def helper(self) -> None: ...

        @hookimpl(specname="hookline_startup")
        def begin(self) -> None: ...

    def look(manager: pluggy.PluginManager, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        looked_at.append(name)
        return of_pluggy(manager, plugin, name)

    of_pluggy = pluggy.PluginManager.parse_hookimpl_opts
    host = PluginHost()
    monkeypatch.setattr(pluggy.PluginManager, "parse_hookimpl_opts", look)
    host.register(Plugin(), name="plugin")

    assert looked_at == ["begin"]
    assert [name for name, _ in host.implementations("hookline_startup")] == ["plugin"]
