"""Calling actions in a test: plain, streamed, as a job, many at once, as an MCP tool, on the command line."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import orjson

from hookline.testing.results import CallResult, read_failure, read_items, read_result, read_stream

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hookline.action import JsonObject
    from hookline.testing.gateway import GatewayUnderTest

MAX_JOB_S = 30.0
"""Longest real time that a job may take until its test fails."""

_MCP_VERSION = "2026-07-28"
_MCP_META: JsonObject = {
    "io.modelcontextprotocol/protocolVersion": _MCP_VERSION,
    "io.modelcontextprotocol/clientInfo": {"name": "hookline-testing", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_PROBLEM_KEY = "hookline/problem"

Input = "Mapping[str, object] | BaseModel | None"


class ActionCaller:
    """Calls actions of a gateway as its callers do, and returns what came back.

    Every way of calling takes the input as a dict or a pydantic model, as keyword arguments, or as both. A
    request that the scripted service does not expect fails the test at once.

    Args:
        gateway: The gateway.
    """

    def __init__(self, gateway: GatewayUnderTest) -> None:
        self._gateway = gateway

    def __call__(
        self,
        action: str,
        input: Mapping[str, object] | BaseModel | None = None,
        /,
        *,
        headers: Mapping[str, str] | None = None,
        **fields: object,
    ) -> CallResult:
        """Run an action with ``POST /actions/{id}``, and wait for its answer.

        Args:
            action: Its id, such as ``acme.find_contact``.
            input: Its input.
            headers: Headers of the caller, such as ``Idempotency-Key``.
            **fields: Fields of the input.
        """
        return self._post(action, _join(input, fields), headers)

    def stream(
        self,
        action: str,
        input: Mapping[str, object] | BaseModel | None = None,
        /,
        *,
        headers: Mapping[str, str] | None = None,
        **fields: object,
    ) -> CallResult:
        """Run an action that streams, and collect its events."""
        return self._post(action, {**_join(input, fields), "stream": True}, headers)

    def job(
        self,
        action: str,
        input: Mapping[str, object] | BaseModel | None = None,
        /,
        *,
        headers: Mapping[str, str] | None = None,
        **fields: object,
    ) -> CallResult:
        """Run an action as a job (``Prefer: respond-async``), and fetch its result.

        Raises:
            AssertionError: If the job is not over after `MAX_JOB_S` seconds of real time.
        """
        wish = {"prefer": "respond-async", **(headers or {})}
        begun = self._post(action, _join(input, fields), wish)
        if begun.status != 202:
            return begun
        ending = time.monotonic() + MAX_JOB_S
        pause = threading.Event()
        while time.monotonic() < ending:
            reply = self._gateway.client.get(begun.headers["location"], headers=self._gateway.headers)
            if reply.status_code != 202:
                self._gateway.upstream.assert_expected()
                return read_result(action, reply.status_code, _lower(reply.headers), reply.get_data())
            pause.wait(0.005)
        raise AssertionError(f"The job of {action} was not over after {MAX_JOB_S:g} s: {begun.content!r}")

    def items(
        self,
        action: str,
        items: Sequence[Mapping[str, object]],
        /,
        *,
        headers: Mapping[str, str] | None = None,
        **fields: object,
    ) -> CallResult:
        """Run an action once for each of several inputs, in one call.

        Args:
            action: Its id.
            items: The inputs.
            headers: Headers of the caller.
            **fields: Fields that all inputs have in common.
        """
        body = {**fields, "items": [dict(item) for item in items]}
        return read_items(self._post(action, body, headers))

    def mcp(
        self, action: str, input: Mapping[str, object] | BaseModel | None = None, /, **fields: object
    ) -> CallResult:
        """Run an action as a tool of ``POST /mcp``."""
        tool = action.replace(".", "_")
        message = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": tool, "arguments": _join(input, fields), "_meta": _MCP_META},
        }
        reply = self._gateway.client.post(
            "/mcp",
            data=orjson.dumps(message),
            headers={
                **self._gateway.headers,
                "content-type": "application/json",
                "accept": "application/json",
                "mcp-protocol-version": _MCP_VERSION,
                "mcp-method": "tools/call",
                "mcp-name": tool,
            },
        )
        self._gateway.upstream.assert_expected()
        return _read_tool(action, reply.status_code, reply.get_data())

    def cli(
        self, action: str, input: Mapping[str, object] | BaseModel | None = None, /, **fields: object
    ) -> CallResult:
        """Run an action with ``hookline call``, in this process and in a gateway of its own."""
        from click.testing import CliRunner

        from hookline.cli.group import build_cli

        text = orjson.dumps(_join(input, fields)).decode()
        done = CliRunner().invoke(
            build_cli(), ["call", action, "--input", text, "--json"], obj=self._gateway.command_context()
        )
        self._gateway.upstream.assert_expected()
        content = done.stdout.encode()
        try:
            body: object = orjson.loads(content)
        except orjson.JSONDecodeError:
            body = done.output
        if done.exit_code == 0 and isinstance(body, dict):
            return CallResult(action=action, status=200, content=content, raw_output=body)
        told = body.get("status") if isinstance(body, dict) else None
        status = told if isinstance(told, int) else 500
        return CallResult(
            action=action, status=status, content=content, error=read_failure(body, status=status)
        )

    def _post(self, action: str, body: JsonObject, headers: Mapping[str, str] | None) -> CallResult:
        reply = self._gateway.client.post(
            f"/actions/{action}",
            data=orjson.dumps(body),
            headers={"content-type": "application/json", **self._gateway.headers, **(headers or {})},
        )
        content, named = reply.get_data(), _lower(reply.headers)
        self._gateway.upstream.assert_expected()
        if reply.mimetype == "text/event-stream":
            return read_stream(action, named, content)
        return read_result(action, reply.status_code, named, content)


def _read_tool(action: str, status: int, content: bytes) -> CallResult:
    body = orjson.loads(content)
    result = body.get("result") if isinstance(body, dict) else None
    if not isinstance(result, dict):
        failure = read_failure({"detail": str(body)}, status=status)
        return CallResult(action=action, status=status, content=content, error=failure)
    if not result.get("isError"):
        return CallResult(
            action=action, status=200, content=content, raw_output=result.get("structuredContent")
        )
    meta = result.get("_meta") or {}
    problem = next((value for key, value in meta.items() if key.endswith(_PROBLEM_KEY)), None)
    if problem is None:
        problem = {"detail": " ".join(str(part.get("text")) for part in result.get("content", []))}
    told = problem.get("status", 500)
    return CallResult(action=action, status=told, content=content, error=read_failure(problem, status=told))


def _join(input: Mapping[str, object] | BaseModel | None, fields: Mapping[str, object]) -> JsonObject:
    if input is None:
        return dict(fields)
    if isinstance(input, Mapping):
        return {**input, **fields}
    return {**input.model_dump(mode="json", exclude_unset=True), **fields}


def _lower(headers: object) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}  # type: ignore[attr-defined]  # werkzeug's
