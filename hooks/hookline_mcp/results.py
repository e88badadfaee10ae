"""Replies to orders, as results of tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from hookline_mcp.protocol import JOB_KEY, PROBLEM_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.action import JsonObject
    from hookline.routes import Reply


_NO_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


def result_of(reply: Reply, *, fits: Callable[[object], bool] | None) -> JsonObject:
    """Return the result of a call.

    Args:
        reply: What ``POST /actions/{id}`` would have answered.
        fits: Tells whether an output fits the tool's schema; None if the tool states none.
    """
    content = reply.content
    if not isinstance(content, bytes):  # only a call with `stream` is answered in pieces
        content = b"".join(content)
    if reply.status >= 400:
        return _failure(content)
    if reply.status == 202:
        return _job(content)
    try:
        output = orjson.loads(content)
    except orjson.JSONDecodeError:
        return _misfit(content)
    if fits is not None and not fits(output):
        return _misfit(content)
    return {
        "content": [_text(content.decode())],
        "structuredContent": orjson.Fragment(on_one_line(content)),
        "isError": False,
    }


def on_one_line(content: bytes) -> bytes:
    """Return JSON without line ends: they would end a line of stdio or of an event. Its texts hold none."""
    return content.translate(_NO_LINE_ENDS) if b"\n" in content or b"\r" in content else content


def _failure(content: bytes) -> JsonObject:
    problem = _read(content)
    lines = [str(problem.get("detail") or problem.get("title") or "The call failed.")]
    if problem.get("hint"):
        lines.append(str(problem["hint"]).replace("`GET /actions/{id}`", "the tool's input schema"))
    if problem.get("field"):
        lines.append(f"Field: {problem['field']}")
    problems = problem.get("problems")
    if isinstance(problems, list) and len(problems) > 1:
        lines += [f"- {one['field']}: {one['message']}" for one in problems if isinstance(one, dict)]
    if problem.get("retry_after"):
        lines.append(f"Try again after {problem['retry_after']} s.")
    elif problem.get("retryable"):
        lines.append("The same call may succeed later.")
    elif problem:
        lines.append("The same call would fail again.")
    return {
        "content": [_text("\n".join(lines))],
        "isError": True,
        "_meta": {PROBLEM_KEY: problem},
    }


def _job(content: bytes) -> JsonObject:
    """Return what a model reads when the call goes on without it.

    It is marked as an error although nothing went wrong: a result that is none must fit the tool's schema.
    """
    job = _read(content)
    lines = [
        f"There is no answer yet: the call goes on as the job {job.get('id')}.",
        "Do not call the tool again for it: that would run, and be charged, once more.",
    ]
    if job.get("result_url"):
        lines.append(f"Its result can be fetched with the same key: GET {job['result_url']}")
    return {"content": [_text("\n".join(lines))], "isError": True, "_meta": {JOB_KEY: job}}


def _misfit(content: bytes) -> JsonObject:
    return {
        "content": [
            _text("The call went well, but its output does not fit the schema that this tool states:"),
            _text(content.decode(errors="replace")),
        ],
        "isError": True,
    }


def _text(text: str) -> JsonObject:
    return {"type": "text", "text": text}


def _read(content: bytes) -> JsonObject:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
