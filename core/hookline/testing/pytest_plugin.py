"""The pytest plugin of the kit, which pytest finds by its entry point in every environment with Hookline.

It offers fixtures and loads nothing for them until one is used. A fixture of the same name in a test's own
module, class or ``conftest.py`` wins, as always in pytest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hookline.testing.calling import ActionCaller
    from hookline.testing.clock import FakeClock
    from hookline.testing.gateway import GatewayRecipe, GatewayUnderTest
    from hookline.testing.upstream import ScriptedUpstream

_MARKER = (
    "hookline(plugins=[…], settings={…}, environ={…}, disabled=[…], credentials=True, sandbox=False, "
    "keeps_state=False, network=False): what the fixtures of hookline.testing make a gateway of."
)
_OPTIONS = frozenset(
    {"plugins", "settings", "environ", "disabled", "credentials", "sandbox", "keeps_state", "network"}
)
_REPORT = "hookline"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting that keeps all tests of a project off the network."""
    parser.addini(
        "hookline_block_network",
        "Whether no test of this project may reach the network, be it with Hookline's fixtures or without.",
        type="bool",
        default=False,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker is for."""
    config.addinivalue_line("markers", _MARKER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Keep a test off the network, if its project wants that for all of them."""
    if not item.config.getini("hookline_block_network") or _wants_network(item):
        return (yield)
    from hookline.testing.network import block_network

    with block_network():
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what conformance suites measured, which fails nothing."""
    lines = [
        str(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == _REPORT and getattr(report, "when", "") == "call"
    ]
    if lines:
        terminalreporter.section("hookline")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def hookline_plugins() -> tuple[object, ...]:
    """The plugins under test, besides those that are installed; override it to say which."""
    return ()


@pytest.fixture
def hookline_recipe(
    request: pytest.FixtureRequest, tmp_path: Path, hookline_plugins: tuple[object, ...]
) -> GatewayRecipe:
    """What `gateway` is made of: the marker's settings; those of the test itself win over its module's."""
    from hookline.testing.gateway import GatewayRecipe

    merged = _marked(request.node)
    plugins = [*hookline_plugins]
    for mark in reversed(list(request.node.iter_markers("hookline"))):
        plugins += [one for one in mark.kwargs.get("plugins", ()) if not any(one is two for two in plugins)]
    return GatewayRecipe(
        plugins=tuple(plugins),
        disabled=tuple(merged.get("disabled", ())),
        settings=merged.get("settings", {}),
        environ=merged.get("environ", {}),
        credentials=merged.get("credentials", True),
        is_sandbox=merged.get("sandbox", False),
        state_dir=tmp_path / "hookline-state" if merged.get("keeps_state") else None,
    )


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until somebody waits for it, or `clock.advance(seconds)`."""
    from hookline.testing.clock import FakeClock

    return FakeClock()


@pytest.fixture
def upstream(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[ScriptedUpstream]:
    """The service that calls go to: `upstream.answers("GET", "/contacts/{email}", json={…})`."""
    from contextlib import nullcontext

    from hookline.testing.network import block_network
    from hookline.testing.upstream import ScriptedUpstream

    made = ScriptedUpstream(clock=clock)
    made.folder = request.path.parent
    guard: AbstractContextManager[list[str]] = nullcontext([])
    if not _wants_network(request.node):
        guard = block_network()
    with guard as stopped:
        yield made
    if made.unexpected or stopped:
        pytest.fail("\n".join(dict.fromkeys([*made.unexpected, *stopped])), pytrace=False)


@pytest.fixture
def gateway(hookline_recipe: GatewayRecipe, upstream: ScriptedUpstream) -> Iterator[GatewayUnderTest]:
    """A real gateway with your plugin, state of its own, and `upstream` in place of the service."""
    from hookline.testing.gateway import GatewayUnderTest

    with GatewayUnderTest(hookline_recipe, upstream=upstream) as made:
        _check_plugins(made, hookline_recipe)
        yield made


@pytest.fixture
def sandbox(hookline_recipe: GatewayRecipe, upstream: ScriptedUpstream) -> Iterator[GatewayUnderTest]:
    """A real gateway with your plugin, whose calls go to the simulated service."""
    from dataclasses import replace

    from hookline.testing.gateway import GatewayUnderTest

    with GatewayUnderTest(replace(hookline_recipe, is_sandbox=True), upstream=upstream) as made:
        _check_plugins(made, hookline_recipe)
        yield made


@pytest.fixture
def call(request: pytest.FixtureRequest) -> ActionCaller:
    """Calls actions of `sandbox` if the test uses that, else of `gateway`: `call("acme.find", email=…)`."""
    name = "sandbox" if "sandbox" in request.fixturenames else "gateway"
    made: GatewayUnderTest = request.getfixturevalue(name)
    return made.call


def _marked(node: pytest.Item) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers("hookline"))):
        unknown = sorted(set(mark.kwargs) - _OPTIONS)
        if mark.args or unknown:
            named = f"no {unknown[0]!r}" if unknown else "keyword arguments only"
            raise pytest.UsageError(
                f"{node.nodeid}: @pytest.mark.hookline takes {named}: {', '.join(sorted(_OPTIONS))}."
            )
        merged |= mark.kwargs
    return merged


def _wants_network(node: pytest.Item) -> bool:
    return bool(_marked(node).get("network", False))


def _check_plugins(gateway: GatewayUnderTest, recipe: GatewayRecipe) -> None:
    if recipe.plugins:
        return
    for name, problem in gateway.problems().items():
        pytest.fail(f"The installed plugin {name!r} is not used: {problem}", pytrace=False)
