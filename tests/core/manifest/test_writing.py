from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from hookline.manifest.reading import read_manifest_text
from hookline.manifest.writing import write_manifest_text

_TRAPS = [
    *("no", "On", "y", "0755", "1_000", "12:30", "2026-01-01", "null", "~", "1.", "+1", ".5", "0x1f", "="),
    *("#x", "'", '"', "<<", "{a}", "/pets/{id}", "!x", "&a", "*a"),
]
_TEXTS = st.text(max_size=20) | st.sampled_from(
    [*_TRAPS, "a: b", "- x", "x #y", "", " ", "a\nb", "a ", "\x85"]
)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(_TEXTS, _VALUES, min_size=1, max_size=4))
def test_what_is_written_is_read_back_the_same_by_us_and_by_yaml_1_1(value: dict[str, object]) -> None:
    text = write_manifest_text(value)
    assert read_manifest_text(text.encode()) == value
    assert yaml.safe_load(text) == value


def test_it_is_written_as_a_person_would_write_it() -> None:
    value: dict[str, object] = {
        "id": "acme",
        "actions": {
            "find": {
                "path": "/pets/{id}",
                "tags": ["a", "no"],
                "errors": [{"kind": "invalid", "statuses": [400]}],
            }
        },
    }
    assert write_manifest_text(value) == (
        "id: acme\n"
        "actions:\n"
        "  find:\n"
        "    path: /pets/{id}\n"
        '    tags: [a, "no"]\n'
        "    errors:\n"
        "      - kind: invalid\n"
        "        statuses: [400]\n"
    )


@given(st.integers(800, 3_000), st.sampled_from(["a", "\x01", "é", "|", " "]), _VALUES)
def test_keys_of_any_length_are_read_back(length: int, character: str, inner: object) -> None:
    value: dict[str, object] = {"a": [{character * length: inner, "b": {character * length: [1]}}]}
    text = write_manifest_text(value)
    assert read_manifest_text(text.encode()) == value
    assert yaml.safe_load(text) == value
