from __future__ import annotations

import time

import pytest

from hookline.manifest.problems import UnreadableError
from hookline.manifest.reading import MAX_DEPTH, find_lines, read_manifest_text


def _refused(content: bytes) -> tuple[str, int | None]:
    with pytest.raises(UnreadableError) as caught:
        read_manifest_text(content)
    return caught.value.problem, caught.value.line


def test_what_other_readers_of_yaml_change_silently_stays_a_text() -> None:
    content = (
        b"words: [no, on, Yes, y, off]\nnumbers: [0755, 1_000, 0x1f, 12:30, +1, .5, 1., 2026-01-31, .inf]\n"
    )
    assert read_manifest_text(content) == {
        "words": ["no", "on", "Yes", "y", "off"],
        "numbers": ["0755", "1_000", "0x1f", "12:30", "+1", ".5", "1.", "2026-01-31", ".inf"],
    }


def test_what_json_calls_no_text_is_none() -> None:
    assert read_manifest_text(b"[1, -2, 1.5, 1e3, true, FALSE, null, ~, '1', \"true\"]") == [
        1, -2, 1.5, 1000.0, True, False, None, None, "1", "true",
    ]  # fmt: skip


def test_keys_are_texts_as_they_are_written() -> None:
    assert read_manifest_text(b"no: a\n404: b\ntrue: c\n1.0: d\nnull: e\n2026-01-31: f\n") == {
        "no": "a", "404": "b", "true": "c", "1.0": "d", "null": "e", "2026-01-31": "f",
    }  # fmt: skip


def test_json_is_read_too() -> None:
    assert read_manifest_text(b'\xef\xbb\xbf {"a": ["\\ud83d\\ude00\\/", 1.0, {"b": null}]}') == {
        "a": ["\U0001f600/", 1.0, {"b": None}]
    }


def test_blocks_of_text_keep_their_lines() -> None:
    assert read_manifest_text(b"a: |\n  one\n  two\nb: >\n  three\n  four\n") == {
        "a": "one\ntwo\n",
        "b": "three four\n",
    }


@pytest.mark.parametrize(
    ("content", "problem", "line"),
    [
        (b"a: 1\nb: &x 1", "has the anchor `&x`; anchors and aliases are not read here", 2),
        (b"a: *x", "has the alias `*x`; write out what it stands for", 1),
        (b"a: !!python/object/apply:os.system [ls]", "has the tag `tag:yaml.org,2002:python/", 1),
        (b"a: !!str 1", "has the tag `tag:yaml.org,2002:str`; tags are not read here", 1),
        (b"!x\na: 1", "has the tag `!x`; tags are not read here", 1),
        (b"a: 1\nb: 2\na: 3", "has the key `a` twice", 3),
        (b'{"a": 1, "a": 2}', "has the key `a` twice in one object", None),
        (b"# a\n%TAG ! x\n---\na: 1", "has the directive `%TAG`; directives are not read here", 2),
        (b"%YAML 1.2\r%FOO\n---\na: 1", "has the directive `%FOO`; directives are not read here", 1),
        (b"a: 1\n...\n%\x1b[2J\n---\n", "has the directive `%`; directives are not read here", 3),
        (b"a: 1\n---\nb: 2", "has a second document; a manifest is one", 2),
        (b"<<: {a: 1}", "has the merge key `<<`; write out what it would bring", 1),
        (b"? [a]\n: x", "has a key that is no text", 1),
        (b"", "is empty", None),
        (b"# nothing\n", "is empty", None),
        (b"a: \xff", "is not UTF-8", 1),
        (b"a: 1\nb: 99999999999999999999", "which does not fit into 64 bits; quote it if it is a text", 2),
        (b'{"a": 99999999999999999999}', "which does not fit into 64 bits; quote it if it is a text", None),
        (b"a: 1e999", "which is too large; quote it if it is a text", 1),
        (b'{"a": NaN}', "has NaN, which is no JSON", None),
        (b'{"a": "\\ud800"}', "has half a surrogate pair, which is no character", None),
        (b"a: \x00", "is not YAML", None),
        (b"a: [1", "is not YAML", 2),
        (b"a: b: c", "is not YAML: mapping values are not allowed in this context", 1),
        (b"\ta: 1", "is not YAML", 1),
    ],
)
def test_what_a_manifest_must_not_hold_is_refused_with_its_line(
    content: bytes, problem: str, line: int | None
) -> None:
    told, where = _refused(content)
    assert problem in told
    assert where == line


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 1_000_000,
        b"- " * 300_000,
        b"{a: " * 100_000,
        b'{"a":' * 1_000_000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b"? " * 100_000,
        b"a: [" + b"1," * 1_000_001 + b"]",
        b"x" * 33_000_000,
        b"a: " + b"9" * 5_000_000,
        b"*" * 1_000_000,
        b"&" * 1_000_000,
        b"%TAG ! tag:example.com:\n---\n!x a",
        b'"' + b"\\x" * 100_000,
    ],
    ids=range(13),
)
def test_hostile_texts_are_refused_within_seconds(content: bytes) -> None:
    begun_s = time.process_time()
    told, _ = _refused(content)
    assert time.process_time() - begun_s < 10
    assert len(told) < 500


@pytest.mark.parametrize("line_end", ["\n", "\r", "\x85", "\u2028", "\u2029"])
def test_many_directives_do_not_keep_the_parser_busy(line_end: str) -> None:
    text = "".join(f"%TAG !a{number}! x{line_end}" for number in range(30_000)) + "---\na: 1\n"
    begun_s = time.process_time()
    told, _ = _refused(text.encode())
    assert time.process_time() - begun_s < 0.5
    assert "has the directive `%TAG`" in told


def test_a_per_cent_sign_is_no_directive_where_it_does_not_begin_a_line() -> None:
    text = "%YAML 1.1\n---\na: 100%\nb: |\n  %TAG is one\nc: 'x\n  %y'\n"
    assert read_manifest_text(text.encode()) == {"a": "100%", "b": "%TAG is one\n", "c": "x %y"}


def test_a_laugh_of_a_billion_is_refused_at_its_first_anchor() -> None:
    content = b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
    assert _refused(content) == ("has the anchor `&a`; anchors and aliases are not read here", 1)


def test_the_deepest_value_that_is_read_is_read() -> None:
    assert read_manifest_text(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    assert "is nested deeper" in _refused(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))[0]


def test_lines_of_keys_and_items_are_found() -> None:
    content = b"a: 1\nb:\n  - x\n  - c: {d: 2,\n      e: 3}\n  - - y\n    - z\nf: 4\n"
    wanted = [
        (),
        ("a",),
        ("b",),
        ("b", 0),
        ("b", 1, "c", "d"),
        ("b", 1, "c", "e"),
        ("b", 2, 1),
        ("f",),
        ("g",),
    ]
    assert find_lines(content, wanted) == {
        (): 1, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1, "c", "d"): 4, ("b", 1, "c", "e"): 5,
        ("b", 2, 1): 7, ("f",): 8,
    }  # fmt: skip
    assert find_lines(b'{\n"a": 1,\n"b": [\n2]}', [("b", 0)]) == {("b", 0): 4}
