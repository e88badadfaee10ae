"""Decide what one choice of a chat answer says: a text, a refusal, JSON, or calls of tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookline_sandbox.schema_answers import answer_for
from hookline_sandbox.texts import REFUSAL_REQUEST, answer_text, echo, finish, last_text, pieces
from hookline_sandbox.tokens import count_text, cut_text
from hookline_sandbox.wire import JsonObject, derive, encode_text

if TYPE_CHECKING:
    from hookline_sandbox.schema_effort import Effort


@dataclass(kw_only=True, slots=True)
class ChatChoice:
    """What one choice says; at most one of the fields other than ``finish_reason`` is filled.

    Attributes:
        finish_reason: As in the answer.
        text: The content.
        refusal: The model's own refusal.
        tool_calls: Calls of functions and custom tools.
        function_call: A call in the deprecated form.
    """

    finish_reason: str
    text: str | None = None
    refusal: str | None = None
    tool_calls: list[JsonObject] = field(default_factory=list)
    function_call: JsonObject | None = None

    def count_tokens(self) -> int:
        """Return the simulated number of visible tokens."""
        texts = [self.text or "", self.refusal or ""]
        for call in self.tool_calls:
            texts += (call.get("function") or call["custom"]).values()
        texts += (self.function_call or {}).values()
        return sum(map(count_text, texts))


def choose(body: JsonObject, *, index: int, limit: int | None, effort: Effort) -> ChatChoice:
    """Return one choice of the answer to a checked request.

    Args:
        body: The request.
        index: Number of the choice; other choices say other things.
        limit: The most visible tokens, or None.
        effort: Counts what is done for schemas; one for all choices.

    Raises:
        TooMuchError: If a schema asks for more than is made.
    """
    messages: list[JsonObject] = body["messages"]
    prompt = last_text(messages, "user")
    stop = body.get("stop")
    if REFUSAL_REQUEST in prompt.lower():
        text, reason = finish("I'm sorry, but this simulation was asked to refuse.", stop=stop, limit=limit)
        return ChatChoice(finish_reason=reason, refusal=text)
    seed = derive(encode_text(body), index)
    tools, is_named = _tools_to_call(body, messages)
    if tools:
        calls = [_call(tool, f"{seed}{at}", prompt, effort) for at, tool in enumerate(tools)]
        was_cut = _cut_calls([call.get("function") or call["custom"] for call in calls], limit)
        reason = "length" if was_cut else "stop" if is_named else "tool_calls"
        return ChatChoice(finish_reason=reason, tool_calls=calls)
    if function := _function_to_call(body, messages):
        function_call = {"name": function["name"], "arguments": _arguments(function, prompt, effort)}
        was_cut = _cut_calls([function_call], limit)
        is_named = isinstance(body.get("function_call"), dict)
        reason = "length" if was_cut else "stop" if is_named else "function_call"
        return ChatChoice(finish_reason=reason, function_call=function_call)
    text, reason = finish(_content(body, messages, index, effort), stop=stop, limit=limit)
    return ChatChoice(finish_reason=reason, text=text)


def message_of(choice: ChatChoice) -> JsonObject:
    """Return the ``message`` object of a choice."""
    message: JsonObject = {
        "role": "assistant",
        "content": choice.text,
        "refusal": choice.refusal,
        "annotations": [],
    }
    if choice.tool_calls:
        message["tool_calls"] = choice.tool_calls
    if choice.function_call is not None:
        message["function_call"] = choice.function_call
    return message


def _content(body: JsonObject, messages: Sequence[JsonObject], index: int, effort: Effort) -> str:
    wanted = body.get("response_format") or {"type": "text"}
    text = answer_text(messages, index=index)
    if wanted["type"] == "json_object":
        return encode_text({"simulated": True, "answer": text})
    if wanted["type"] == "json_schema":
        about = echo(last_text(messages, "user")) + (f" #{index + 1}" if index else "")
        return encode_text(answer_for(wanted["json_schema"].get("schema"), about=about, effort=effort))
    return text


def _tools_to_call(body: JsonObject, messages: Sequence[JsonObject]) -> tuple[list[JsonObject], bool]:
    """Return the tools to call, and whether the request named the one."""
    tools: list[JsonObject] = body.get("tools") or []
    choice = body.get("tool_choice", "auto")
    if not tools or choice == "none":
        return [], False
    if isinstance(choice, dict) and choice["type"] != "allowed_tools":
        return [tool for tool in tools if _name_of(tool) == _name_of(choice)][:1], True
    mode = choice
    if isinstance(choice, dict):
        allowed = [_name_of(tool) for tool in choice["allowed_tools"]["tools"]]
        tools = [tool for tool in tools if _name_of(tool) in allowed]
        mode = choice["allowed_tools"]["mode"]
    if mode == "required":
        return tools[: 2 if body.get("parallel_tool_calls", True) else 1], False
    return (tools[:1] if messages[-1]["role"] == "user" else []), False


def _function_to_call(body: JsonObject, messages: Sequence[JsonObject]) -> JsonObject | None:
    functions: list[JsonObject] = body.get("functions") or []
    choice = body.get("function_call", "auto")
    if isinstance(choice, dict):
        return next(item for item in functions if item["name"] == choice["name"])
    return functions[0] if functions and choice == "auto" and messages[-1]["role"] == "user" else None


def _call(tool: JsonObject, seed: str, prompt: str, effort: Effort) -> JsonObject:
    call: JsonObject = {"id": f"call_{derive(seed)[:24]}", "type": tool["type"]}
    if tool["type"] == "custom":
        call["custom"] = {"name": tool["custom"]["name"], "input": f"Simulated input for: {echo(prompt)}"}
    else:
        function = tool["function"]
        call["function"] = {"name": function["name"], "arguments": _arguments(function, prompt, effort)}
    return call


def _arguments(function: JsonObject, prompt: str, effort: Effort) -> str:
    return encode_text(answer_for(function.get("parameters"), about=echo(prompt), effort=effort))


def _cut_calls(calls: Sequence[JsonObject], limit: int | None) -> bool:
    """Cut the arguments at the limit in place, and return whether something was left out."""
    if limit is None:
        return False
    is_cut = False
    for call in calls:
        member = "arguments" if "arguments" in call else "input"
        limit = max(0, limit - count_text(call["name"]))
        call[member], was_cut = cut_text(call[member], limit)
        limit -= count_text(call[member])
        is_cut = is_cut or was_cut
    return is_cut


def _name_of(tool: JsonObject) -> tuple[str, str]:
    return tool["type"], tool[tool["type"]]["name"]


def visible_pieces(choice: ChatChoice) -> list[str]:
    """Return the tokens of the text or the refusal of a choice."""
    return pieces(choice.text or choice.refusal or "")
