"""The official Python client, in both generations of the protocol, over HTTP and stdio."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
from jsonschema import Draft202012Validator
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from live_gateway import Server
from mcp_lab import CHAT, TOOLS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MODES = pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
WAYS = pytest.mark.parametrize("way", ["http", "stdio", "stdio to http"])
_TIMEOUT_S = 60


@asynccontextmanager
async def connect(way: str, mode: str, server: Server) -> AsyncIterator[Client]:
    """Connect by HTTP, to a process of one's own, or to one that passes on what it is told."""
    if way == "http":
        headers = {"authorization": f"Bearer {server.key}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=_TIMEOUT_S) as http,
            Client(streamable_http_client(f"{server.url}/mcp", http_client=http), mode=mode) as client,
        ):
            yield client
        return
    arguments = ["--sandbox"] if way == "stdio" else ["--url", server.url]
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "hookline", "mcp", *arguments],
        env={"HOOKLINE_KEY": server.key, "HOOKLINE_STATE_DIR": "none"},
    )
    async with Client(stdio_client(parameters), mode=mode) as client:
        yield client


def run(way: str, mode: str, server: Server, use: Callable[[Client], Awaitable[None]]) -> None:
    async def work() -> None:
        with anyio.fail_after(_TIMEOUT_S):
            async with connect(way, mode, server) as client:
                await use(client)

    anyio.run(work)


@WAYS
@MODES
def test_tools_are_listed_and_called_and_their_failures_told(
    way: str, mode: str, version: str, server: Server
) -> None:
    async def use(client: Client) -> None:
        assert client.protocol_version == version
        listed = (await client.list_tools()).tools
        assert [tool.name for tool in listed] == TOOLS
        schemas = {tool.name: tool.output_schema for tool in listed}
        inputs: dict[str, dict[str, Any]] = {
            "openai_chat": {**CHAT, "stream": True},
            "openai_complete": CHAT,
            "openai_edit": {"model": "sandbox", "input": "a", "instruction": "b"},
            "openai_embed": {"model": "sandbox", "input": "a"},
            "openai_list_models": {},
            "openai_moderate": {"input": "a"},
        }
        for name, arguments in inputs.items():
            result = await client.call_tool(name, arguments)
            assert not result.is_error
            schema = schemas[name]
            assert schema is not None
            Draft202012Validator(schema).validate(result.structured_content)
        failed = await client.call_tool("openai_chat", {"model": "sandbox-429", "prompt": "hi"})
        assert failed.is_error
        wrong = await client.call_tool("openai_chat", {**CHAT, "temperature": "hot"})
        assert wrong.is_error
        assert "temperature" in wrong.content[0].text  # type: ignore[union-attr]
        with pytest.raises(MCPError, match="Unknown tool"):
            await client.call_tool("no_such_tool", {})

    run(way, mode, server, use)


@MODES
def test_a_slow_tool_keeps_nobody_else_waiting_and_is_heard_of(
    mode: str, version: str, server: Server
) -> None:
    async def use(client: Client) -> None:
        beats: list[float] = []
        order: list[str] = []

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            beats.append(progress)

        async def slow() -> None:
            result = await client.call_tool(
                "openai_chat",
                {"model": "sandbox-slow-first-byte-1.5", "prompt": "hi"},
                progress_callback=hear,
            )
            order.append("slow" if not result.is_error else "failed")

        async def quick() -> None:
            await client.list_tools()
            await client.call_tool("openai_chat", CHAT)
            order.append("quick")

        async with anyio.create_task_group() as group:
            group.start_soon(slow)
            group.start_soon(quick)
        assert order == ["quick", "slow"]
        assert beats == sorted(set(beats))
        assert beats

    run("http", mode, server, use)


@pytest.mark.parametrize(
    ("way", "reason"),
    # The client drops an error without an id, and the body is not read before the key is known.
    [("http", "Server returned an error response"), ("stdio to http", "no valid API key")],
)
def test_a_wrong_key_ends_the_connection(way: str, reason: str, server: Server) -> None:
    wrong = Server(port=server.port, pid=server.pid, log=server.log, key="not-the-key-of-anybody")

    async def use(client: Client) -> None:
        raise AssertionError("nobody gets this far")

    def reasons(error: BaseException) -> list[str]:
        inside = getattr(error, "exceptions", ())
        return [text for one in inside for text in reasons(one)] or [str(error)]

    with pytest.raises((MCPError, ExceptionGroup)) as caught:
        run(way, "auto", wrong, use)
    assert [text for text in reasons(caught.value) if reason in text]
