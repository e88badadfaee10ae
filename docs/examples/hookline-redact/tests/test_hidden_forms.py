"""Personal data in forms that a search over the plain text would miss."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hookline_redact.finding import Finder
from hookline_redact.placeholders import KINDS

if TYPE_CHECKING:
    from conftest import Lab


def wide(text: str) -> str:
    """Return a text in characters as wide as Chinese ones."""
    return "".join(chr(ord(char) + 0xFEE0) for char in text)


MAIL = "ada@example.com"
FINDER = Finder(kinds=KINDS, names=["Jürgen Müller", "Nadia"], keep=["help@example.com"])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (f"https://crm.example/list\n{MAIL}\n+493012345678", [MAIL, "+493012345678"]),
        (f"https://crm.example/?mail={MAIL}", [MAIL]),
        (f"data:\nname;mail\nada;{MAIL}", [MAIL]),
        (f"data:text/plain;base64,{MAIL}", [MAIL]),
    ],
)
def test_a_text_that_begins_like_an_address_is_looked_through(text: str, values: list[str], lab: Lab) -> None:
    assert lab.chat(text)["text"] == text

    assert [value for value in values if value in lab.last_sent()] == []


def test_a_file_in_an_address_stays_whole(lab: Lab) -> None:
    file = "data:text/plain;charset=utf-8;base64,NADIA4111111111111111/0301234567=="

    lab.call("openai.embed", model="m", input=[file])

    assert lab.model.sent[-1]["input"] == [file]


@pytest.mark.parametrize(
    ("text", "kinds", "value"),
    [
        (json.dumps({"name": "Jürgen Müller"}), ["name"], "Jürgen Müller"),
        (json.dumps(json.dumps(["Jürgen Müller"])), ["name"], "Jürgen Müller"),
        (json.dumps("Dear\nNadia"), ["name"], "Nadia"),
        (json.dumps("Call\t030 1234567"), ["phone"], "030 1234567"),
        (json.dumps("To\nada@example.com"), ["email"], MAIL),
        (r"C:\nadia\notes", ["name"], "nadia"),
        ("I am Ju\u0308rgen Mu\u0308ller.", ["name"], "Ju\u0308rgen Mu\u0308ller"),
        ("ada\uff20example.com", ["email"], "ada\uff20example.com"),
        (wide("NADIA"), ["name"], wide("NADIA")),
        ("Na\u00addia, ad\u200ba", ["name"], "Na\u00addia"),
        (wide("0301234567"), ["phone"], wide("0301234567")),
        ("help\\u0040example.com and help\uff20example.com", [], ""),
        (r"Fun \ud83d\ude00 with \u00e4", [], ""),
    ],
)
def test_other_forms_of_the_same_characters_are_found(text: str, kinds: list[str], value: str) -> None:
    found = FINDER.find(text)

    assert [one.kind for one in found] == kinds
    assert [one.value for one in found] == [value] * len(kinds)


def test_what_was_escaped_goes_out_hidden_and_comes_back_readable(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(names=["Jürgen Müller"])
    text = json.dumps({"name": "Jürgen Müller", "note": f"Hi\n{MAIL}"})

    answer = lab.wire([{"role": "tool", "tool_call_id": "call_1", "content": text}])

    sent = lab.model.sent[-1]["messages"][0]["content"]
    assert json.loads(sent) == {"name": "[NAME_1]", "note": "Hi\n[EMAIL_1]"}
    read = json.loads(answer.json["choices"][0]["message"]["content"])
    assert read == {"name": "Jürgen Müller", "note": f"Hi\n{MAIL}"}


def test_of_a_repeated_member_nothing_goes_out_unseen(lab: Lab) -> None:
    function = {"name": "f", "arguments": f'{{"to": "{MAIL}", "to": "x", "number": 123456789012345678901}}'}
    calls = [{"id": "call_1", "type": "function", "function": function}]

    lab.wire([{"role": "assistant", "tool_calls": calls}, {"role": "user", "content": "Hi"}])

    sent = lab.model.sent[-1]["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert sent == '{"to":"x","number":123456789012345678901}'


def test_the_schema_of_a_tool_is_looked_through_whatever_its_properties_are_called(lab: Lab) -> None:
    schema = {
        "type": "object",
        "properties": {
            "user": {"type": "string", "enum": [MAIL, "nobody"]},
            "name": {"type": "string", "description": f"Such as {MAIL}", "pattern": "^[a-z]+$"},
            "properties": {"default": {"name": MAIL, "user": {"id": MAIL}}},
        },
        "$defs": {"id": {"const": MAIL}, "data": {"examples": [{"name": MAIL}]}},
        "required": ["name"],
    }
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}

    lab.wire([{"role": "user", "content": "Hi"}], tools=[tool])

    sent = lab.model.sent[-1]["tools"][0]
    assert MAIL not in json.dumps(sent)
    assert sent["function"]["name"] == "f"
    assert sent["function"]["parameters"]["properties"]["user"]["enum"] == ["[EMAIL_1]", "nobody"]
    assert sent["function"]["parameters"]["properties"]["name"]["pattern"] == "^[a-z]+$"


@pytest.mark.parametrize("unit", ["\\", "\\u00fc", "a\u0308", "\u0308\u0323", "\u200b", "ﷺ", "\\n1 ", "ü@ü"])
def test_a_text_in_other_forms_takes_time_in_proportion_to_its_length(unit: str) -> None:
    def seconds(count: int) -> float:
        text = unit * count
        began = time.process_time()
        FINDER.find(text)
        return time.process_time() - began

    short = max(seconds(2_000), 0.005)

    assert seconds(32_000) < 16 * short * 6
