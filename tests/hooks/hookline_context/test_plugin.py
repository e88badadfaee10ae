"""The plugin stands alone, costs nothing where it has nothing to do, and says what is set wrongly."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hookline_openai
from hookline.errors import ConfigurationError
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline_context import ContextPlugin
from small_service import CALLER, Upstream, make_gateway, say

HEAVY = "{'pydantic', 'httpx', 'orjson', 'bpe_openai', 'hookline_openai', 'hookline.options'}"


def test_importing_it_loads_nothing_heavy() -> None:
    code = f"import sys, hookline_context; print({HEAVY} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_other_connectors_are_left_alone_and_the_openai_one_is_not_needed() -> None:
    upstream = Upstream()
    reply = make_gateway(ContextPlugin(), upstream=upstream).runner.run(CALLER, say("x" * 5_000_000))
    assert (reply.status, len(upstream.sent)) == (200, 1)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"on_overflow": "shrink"}, "on_overflow"),
        ({"count": "exactly"}, "count"),
        ({"chunk_tokens": 5}, "chunk_tokens"),
        ({"parallel_parts": 0}, "parallel_parts"),
        ({"max_part": 5}, "max_parts"),
        ({"reserve_output_tokens": -1}, "reserve_output_tokens"),
    ],
)
def test_a_wrong_setting_keeps_the_gateway_from_starting(options: dict[str, object], problem: str) -> None:
    host = PluginHost()
    host.register(hookline_openai, name="openai")
    host.register(ContextPlugin(), name="context")
    with pytest.raises(ConfigurationError, match=problem):
        Gateway(
            Settings.model_validate({"plugins": {"context": options}}),
            host=host,
            transport=Upstream(),
            environ={},
        )
