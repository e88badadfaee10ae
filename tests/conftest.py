"""Rules for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester", "servers"]

# The same examples in every run and no bound on their time, so that a busy machine fails nothing.
# `--hypothesis-profile=search` looks for new ones.
settings.register_profile(
    "repeat", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "search", parent=settings.get_profile("repeat"), derandomize=False, max_examples=5000
)
settings.load_profile("repeat")


# Files that take longest. Where files are given to several processes, one of these that begins last would
# keep the others waiting for it.
_LONGEST_FIRST = (
    "tests/system/test_gateway_layer.py",
    "tests/docs/test_plugins_of_others.py",
    "tests/docs/test_first_plugin_page.py",
    "tests/hooks/hookline_streams/test_bulk.py",
    "tests/hooks/hookline_docs/test_in_browser.py",
    "tests/system/test_hook_matrix.py",
    "tests/benchmarks/test_instructions.py",
    "tests/system/test_node_red.py",
    "tests/hooks/hookline_jobs/test_killed.py",
    "tests/hooks/hookline_ledger/test_killed.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Keep pytest-xdist from sorting files by the number of their tests: the longest ones have few."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    root = config.rootpath
    ranks = {root / name: rank for rank, name in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def _state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what gateways and commands write away from the home folder of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of the continuous integration in which a test was skipped: there nothing may be missing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not isinstance(reporter, pytest.TerminalReporter):
        return
    skipped = reporter.stats.get("skipped", [])
    if os.environ.get("HOOKLINE_CI") and skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{len(skipped)} tests were skipped, which fails here: install what they need.")
