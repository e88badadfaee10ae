"""The pytest plugin in a project of somebody else: what it costs, what it offers, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from hookline import testing

if TYPE_CHECKING:
    import pytest

ACME = """
from hookline import Connector

connector = Connector("acme", title="Acme CRM", base_url="https://api.acme.example/v2")
connector.endpoint("find", "GET", "/contacts/{email}", input={"type": "object"}, output={"type": "object"})
"""


def _run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider", *options)


def test_a_project_without_hookline_pays_nearly_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys

        def test_nothing_heavy_is_loaded():
            heavy = {"flask", "pydantic", "httpx", "sqlalchemy", "jsonschema", "orjson", "hookline.gateway"}
            assert "hookline.testing.pytest_plugin" in sys.modules
            assert heavy & set(sys.modules) == set()
    """)

    _run(pytester).assert_outcomes(passed=1)


def test_fixtures_of_a_project_win_over_those_of_the_kit(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.fixture
        def gateway():
            return "mine"

        @pytest.fixture
        def clock():
            return 12

        def test_mine(gateway, clock):
            assert (gateway, clock) == ("mine", 12)
    """)

    _run(pytester).assert_outcomes(passed=1)


def test_an_unexpected_request_fails_its_test_and_says_what_to_write(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        acme=ACME,
        test_it="""
            import acme, pytest

            pytestmark = pytest.mark.hookline(plugins=[acme])

            def test_one(call, upstream):
                upstream.answers("GET", "/people/{email}", json={})
                call("acme.find", email="ada@example.com")
        """,
    )

    result = _run(pytester)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*unexpected request went out: GET https://api.acme.example/v2/contacts/ada@example.com*",
            "*  GET /people/{email}*",
            '*Add `upstream.answers("GET", "/contacts/ada@example.com", json=…)`*',
        ]
    )


def test_a_swallowed_unexpected_request_fails_its_test_all_the_same(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        acme=ACME,
        test_it="""
            import acme, pytest

            @pytest.mark.hookline(plugins=[acme])
            def test_one(gateway):
                gateway.client.post("/actions/acme.find", json={"email": "a"}, headers=gateway.headers)
        """,
    )

    result = _run(pytester)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*unexpected request went out*"])


def test_a_real_request_fails_its_test_although_it_was_swallowed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import contextlib, urllib.request

        def test_one(upstream):
            with contextlib.suppress(Exception):
                urllib.request.urlopen("http://example.com/")
    """)

    result = _run(pytester)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*A real request was stopped: the name 'example.com' was looked up*"])


def test_one_setting_keeps_a_whole_project_off_the_network(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nhookline_block_network = true")
    pytester.makepyfile("""
        import socket, pytest
        from hookline.testing import NetworkBlockedError

        def test_one():
            with pytest.raises(NetworkBlockedError):
                socket.getaddrinfo("example.com", 80)

        @pytest.mark.hookline(network=True)
        def test_two():
            assert socket.getaddrinfo.__module__ == "socket"
    """)

    _run(pytester).assert_outcomes(passed=2)


def test_a_misspelt_argument_of_the_marker_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.hookline(plugin=[])
        def test_one(gateway): ...
    """)

    result = _run(pytester, "--strict-markers")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*@pytest.mark.hookline takes no 'plugin': *plugins*"])


def test_a_plugin_that_breaks_a_rule_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        class Broken:
            def hookline_shape_request(self, request): ...

        @pytest.mark.hookline(plugins=[Broken])
        def test_one(gateway): ...
    """)

    result = _run(pytester)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*Plugin 'Broken': hookline_shape_request() is not marked*"])


def test_several_processes_share_the_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        acme=ACME,
        test_it="""
            import acme, pytest

            @pytest.fixture
            def hookline_plugins():
                return (acme,)

            @pytest.mark.parametrize("number", range(4))
            def test_one(call, upstream, number):
                upstream.answers("GET", "/contacts/{email}", json={"number": number})
                assert call("acme.find", email="a@b").output["number"] == number
        """,
    )

    _run(pytester, "-n", "2").assert_outcomes(passed=4)


def test_the_rest_of_hookline_runs_without_pytest() -> None:
    code = """
import sys
sys.modules["pytest"] = None
import hookline.testing
from hookline.testing import GatewayRecipe, GatewayUnderTest
with GatewayUnderTest(GatewayRecipe(is_sandbox=True)) as gateway:
    assert gateway.call("openai.chat", model="sandbox", prompt="hi").status == 200
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=120)


def test_the_public_names_are_sorted_and_can_be_imported() -> None:
    assert testing.__all__ == sorted(set(testing.__all__))
    values = [getattr(testing, name) for name in testing.__all__]
    assert [value for value in values if isinstance(value, type) and not value.__doc__] == []
    assert dir(testing) == testing.__all__
