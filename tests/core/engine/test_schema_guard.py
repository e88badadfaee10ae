from __future__ import annotations

import time
from typing import TYPE_CHECKING

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.engine.schema_guard import SchemaGuard
from hookline.engine.schema_walk import MAX_DEFINITIONS, MAX_SIZE, judge_pattern
from hookline.engine.schema_weight import MAX_CHAIN, Depths
from hookline.engine.validation import SchemaValidator

if TYPE_CHECKING:
    from hookline.engine.schema_walk import SchemaProblem

JsonObject = dict[str, object]


def _problems(schema: JsonObject, shared: dict[str, JsonObject] | None = None) -> list[SchemaProblem]:
    guard = SchemaGuard(shared)
    return [*(problem for _, problem in guard.shared_problems()), *guard.judge(schema).problems]


def _told(schema: JsonObject, shared: dict[str, JsonObject] | None = None) -> list[str]:
    return [f"{'/'.join(map(str, one.path))}: {one.message}" for one in _problems(schema, shared)]


def _doubled(levels: int, keyword: str = "allOf") -> dict[str, JsonObject]:
    """Return shared schemas of which each looks at the next one twice."""
    shared: dict[str, JsonObject] = {
        f"L{level}": {keyword: [{"$ref": f"#/$defs/L{level + 1}"}, {"$ref": f"#/$defs/L{level + 1}"}]}
        for level in range(levels)
    }
    return {**shared, f"L{levels}": {"type": "object"}}


# ---------------------------------------------------------------- what is sound


def test_an_ordinary_schema_has_no_problem() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}},
            "kind": {"enum": ["cat", "dog"]},
            "owner": {"$ref": "#/$defs/owner"},
        },
        "$defs": {"owner": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }
    assert _problems(schema) == []
    assert SchemaGuard().depths(schema) == Depths()


def test_members_may_be_called_like_keywords() -> None:
    names = ("$ref", "$id", "pattern", "allOf", "$dynamicRef", "items", "properties", "$defs")
    assert _problems({"properties": {name: {"type": "string"} for name in names}}) == []
    assert _problems({"enum": [{"$ref": "https://example.com/x"}], "default": {"$id": 5}}) == []


def test_a_schema_may_hold_itself_where_that_goes_into_the_value() -> None:
    tree: JsonObject = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#"}}},
    }
    assert _problems(tree) == []
    assert SchemaGuard().depths(tree) == Depths()


def test_only_the_shared_schemas_that_it_needs_are_added_to_a_schema() -> None:
    shared: dict[str, JsonObject] = {
        "Pet": {"properties": {"owner": {"$ref": "#/$defs/Owner"}, "friend": {"$ref": "#/$defs/Pet"}}},
        "Owner": {"type": "object"},
        "Shop": {"type": "object"},
    }
    guard = SchemaGuard(shared)
    schema: JsonObject = {"properties": {"pet": {"$ref": "#/$defs/Pet"}}, "$defs": {"own": {}}}
    verdict = guard.judge(schema)
    assert (verdict.problems, set(verdict.needed)) == ((), {"Pet", "Owner"})
    assert guard.complete(schema, verdict.needed) == {
        **schema,
        "$defs": {"Pet": shared["Pet"], "Owner": shared["Owner"], "own": {}},
    }


# ---------------------------------------------------------------- references


@pytest.mark.parametrize(
    "reference",
    [
        "https://example.com/pet.json",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "pet.json",
        "../pet.yaml#/Pet",
        "//example.com/pet",
        "urn:example:pet",
        "#pet",
        "",
        7,
        None,
        ["#/$defs/a"],
    ],
)
def test_a_reference_to_anything_outside_is_refused(reference: object) -> None:
    (problem,) = _problems({"properties": {"pet": {"$ref": reference}}})
    assert problem.path == ("properties", "pet", "$ref")
    assert "leads out of this document, and nothing is ever fetched" in problem.message


@pytest.mark.parametrize("reference", ["#/$defs/none", "#/properties/none", "#/properties/a/type", "#/$defs"])
def test_a_reference_to_nothing_is_refused(reference: str) -> None:
    schema: JsonObject = {"properties": {"a": {"type": "string"}, "b": {"$ref": reference}}}
    assert _told(schema) == [f"properties/b/$ref: {reference!r} leads nowhere"]


def test_shared_schemas_refer_to_shared_schemas_only() -> None:
    shared: dict[str, JsonObject] = {
        "A": {"$ref": "#/properties/b"},
        "B": {"properties": {"x": {"$ref": "#"}}},
        "C": {"$defs": {"own": {}}},
        "D": {"$ref": "#/$defs/A/properties/x"},
    }
    assert [f"{name}: {one.message}" for name, one in SchemaGuard(shared).shared_problems()] == [
        "A: '#/properties/b' leads nowhere",
        "B: '#' leads nowhere",
        "C: is only for schemas that are not shared; make it one of them",
        "D: '#/$defs/A/properties/x' leads into a shared schema; make what it means one of its own",
    ]


def test_a_definition_of_its_own_must_not_hide_a_shared_one_that_is_needed() -> None:
    shared: dict[str, JsonObject] = {"Pet": {"$ref": "#/$defs/Kind"}, "Kind": {"type": "string"}}
    schema: JsonObject = {
        "properties": {"a": {"$ref": "#/$defs/Pet"}},
        "$defs": {"Kind": {"type": "integer"}},
    }
    assert _told(schema, shared) == ["$defs/Kind: is the name of a shared schema too; choose another one"]


@pytest.mark.parametrize(
    "keyword", ["$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$vocabulary"]
)
def test_what_changes_what_references_mean_is_refused(keyword: str) -> None:
    (problem,) = _problems({"properties": {"a": {keyword: "#a"}}})
    assert problem.path == ("properties", "a", keyword)


def test_another_dialect_is_refused() -> None:
    assert _told({"$schema": "http://json-schema.org/draft-07/schema#"}) == [
        "$schema: must be 'https://json-schema.org/draft/2020-12/schema', "
        "not 'http://json-schema.org/draft-07/schema#'"
    ]


@pytest.mark.parametrize(
    ("reference", "name"),
    [("#/$defs/a%2fb", "a/b"), ("#/$defs/a%7E1b", "a~1b"), ("#/$defs/01", "1")],
)
def test_a_reference_is_decoded_before_it_is_split(reference: str, name: str) -> None:
    (problem,) = _problems({"properties": {"x": {"$ref": reference}}, "$defs": {name: {}}})
    assert problem.message == f"{reference!r} leads nowhere"


@pytest.mark.parametrize("reference", ["#/$defs/ä", "#/$defs/a b", "#/$defs/50%", "#/$defs/%ff", "#/$defs/#"])
def test_a_reference_that_is_no_fragment_is_refused(reference: str) -> None:
    name = reference.removeprefix("#/$defs/")
    (problem,) = _problems({"properties": {"x": {"$ref": reference}}, "$defs": {name: {}, "\ufffd": {}}})
    assert problem.message == f"{reference!r} is no reference: write what it cannot hold as `%20`, in UTF-8"


@pytest.mark.parametrize(
    "schema",
    [
        {"dependencies": {"a": {"$ref": "https://example.com/x"}}},
        {"properties": {"a": {"contentSchema": {"$ref": "https://example.com/x"}}}},
    ],
)
def test_keywords_that_few_know_are_looked_at_too(schema: JsonObject) -> None:
    assert "leads out of this document" in _told(schema)[0]
    assert "leads out of this document" in _told({}, {"Shared": schema})[0]
    assert _problems({"dependencies": {"a": ["b", "c"]}}) == []


_KEYWORDS = st.sampled_from(
    ["properties", "dependencies", "dependentSchemas", "patternProperties", "$defs", "definitions", "zzz"]
)
_REFERENCES = st.sampled_from(
    [
        "#",
        "#/",
        "#/$defs/a",
        "#/%24defs/a",
        "#/$defs/a%2fb",
        "#/$defs/a~1b",
        "#/$defs/%C3%A4",
        "#/$defs/ä",
        "#/$defs/a%",
        "#/properties/a",
        "#/zzz/a",
        "#/allOf/0",
        "#/allOf/%D9%A0",
        "#/not",
        "#a",
        "x",
        "#/items/const",
    ]
)
_SCHEMAS: st.SearchStrategy[JsonObject] = st.recursive(
    st.one_of(st.just({}), st.fixed_dictionaries({"$ref": _REFERENCES})),
    lambda inner: st.one_of(
        st.dictionaries(
            _KEYWORDS, st.dictionaries(st.sampled_from(["a", "b", "a/b", "ä", "", "a%"]), inner, max_size=2)
        ),
        st.dictionaries(
            st.sampled_from(["allOf", "anyOf", "prefixItems"]), st.lists(inner, min_size=1, max_size=2)
        ),
        st.dictionaries(
            st.sampled_from(
                ["not", "items", "additionalItems", "contentSchema", "const", "default", "if", "else"]
            ),
            inner,
        ),
    ),
    max_leaves=6,
)


@given(parts=st.lists(_SCHEMAS, min_size=1, max_size=3))
def test_what_is_not_refused_can_be_compiled(parts: list[JsonObject]) -> None:
    schema = {keyword: value for part in parts for keyword, value in part.items()}
    if not _problems(schema) and jsonschema_rs.meta.is_valid(schema):
        SchemaValidator(schema, name="what was judged", is_foreign=True)


# ---------------------------------------------------------------- circles and multiplication


@pytest.mark.parametrize(
    "shared",
    [
        {"A": {"$ref": "#/$defs/A"}},
        {"A": {"allOf": [{"$ref": "#/$defs/B"}]}, "B": {"anyOf": [{"not": {"$ref": "#/$defs/A"}}]}},
        {"A": {"if": {"$ref": "#/$defs/B"}}, "B": {"dependentSchemas": {"x": {"$ref": "#/$defs/A"}}}},
        {"A": {"dependencies": {"x": {"$ref": "#/$defs/A"}}}},
        {"A": {"properties": {"x": {"$ref": "#/$defs/B"}}}, "B": {"oneOf": [{"$ref": "#/$defs/B"}]}},
    ],
)
def test_a_schema_that_comes_back_to_itself_without_an_end_is_refused(shared: dict[str, JsonObject]) -> None:
    told = _told({"$ref": "#/$defs/A"}, shared)
    assert told
    assert all("comes back to itself" in one for one in told)


def test_a_schema_that_is_itself_is_refused() -> None:
    assert "comes back to itself through '#'" in _told({"anyOf": [{"$ref": "#"}, {"type": "null"}]})[0]


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_thirty_levels_of_which_each_doubles_the_next_are_refused_at_once(keyword: str) -> None:
    begun_s = time.process_time()
    told = _told({"properties": {"pet": {"$ref": "#/$defs/L0"}}}, _doubled(30, keyword))
    assert time.process_time() - begun_s < 1
    assert any("compared with more than 5,000 schemas at once" in one for one in told)


def test_levels_that_double_each_other_in_dependencies_are_refused() -> None:
    shared: dict[str, JsonObject] = {
        name: {"dependencies": {"x": schema}} for name, schema in _doubled(30).items()
    }
    told = _told({"properties": {"pet": {"$ref": "#/$defs/L0"}}}, shared)
    assert any("compared with more than 5,000 schemas at once" in one for one in told)


def test_ten_levels_are_borne() -> None:
    assert _problems({"$ref": "#/$defs/L0"}, _doubled(10)) == []


def test_a_long_chain_of_references_is_refused() -> None:
    shared: dict[str, JsonObject] = {
        f"L{one}": {"$ref": f"#/$defs/L{one + 1}"} for one in range(MAX_CHAIN + 5)
    }
    shared[f"L{MAX_CHAIN + 5}"] = {}
    assert f"leads through more than {MAX_CHAIN} references" in _told({"$ref": "#/$defs/L0"}, shared)[0]
    assert _problems({"$ref": "#/$defs/L10"}, {name: shared[name] for name in list(shared)[10:]}) == []


def test_fifty_thousand_references_in_one_line_are_refused_in_seconds() -> None:
    """`jsonschema_rs` overflows its stack there."""
    shared: dict[str, JsonObject] = {f"L{one}": {"$ref": f"#/$defs/L{one + 1}"} for one in range(50_000)}
    shared["L50000"] = {}
    begun_s = time.process_time()
    told = _told({"$ref": "#/$defs/L0"}, shared)
    assert time.process_time() - begun_s < 5
    assert any("one after another" in one for one in told)


def test_a_schema_that_needs_too_many_others_is_refused() -> None:
    shared: dict[str, JsonObject] = {f"S{one}": {} for one in range(MAX_DEFINITIONS + 1)}
    schema: JsonObject = {"properties": {name: {"$ref": f"#/$defs/{name}"} for name in shared}}
    assert _told(schema, shared) == [": needs more than 5,000 shared schemas; describe less of it"]


def test_schemas_that_together_need_too_many_others_are_refused() -> None:
    """Each has a list of its own; ten thousand long lists would fill the memory."""
    shared: dict[str, JsonObject] = {
        f"S{one}": {"properties": {"next": {"$ref": f"#/$defs/S{(one + 1) % 4_000}"}}} for one in range(4_000)
    }
    guard = SchemaGuard(shared)
    told = [guard.judge({"properties": {"a": {"$ref": f"#/$defs/S{one}"}}}).problems for one in range(252)]
    assert [bool(problems) for problems in told] == [False] * 250 + [True] * 2
    assert "and together with those before it more than 1,000,000" in told[-1][0].message
    assert guard.judge({"properties": {"a": {"type": "string"}}}).problems == ()


def test_a_schema_that_is_too_large_or_too_deep_is_refused() -> None:
    large: JsonObject = {"properties": {f"f{one}": {} for one in range(MAX_SIZE)}}
    deep: JsonObject = {}
    for _ in range(100):
        deep = {"items": deep}
    assert "has more than 200,000 values" in _told(large)[0]
    assert "is nested too deeply" in _told(deep)[0]


# ---------------------------------------------------------------- what grows with the value


def _tree(*members: str) -> JsonObject:
    return {"type": "object", "properties": {name: {"$ref": "#"} for name in members}}


def test_a_tree_that_looks_once_at_each_part_has_no_bound() -> None:
    assert SchemaGuard().depths(_tree("left", "right")) == Depths()
    assert SchemaGuard().depths({**_tree("left"), "additionalProperties": {"$ref": "#"}}) == Depths()


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"c": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}},
        {"properties": {"c": {"$ref": "#"}}, "patternProperties": {"c": {"$ref": "#"}}},
        {"anyOf": [{"properties": {"c": {"$ref": "#"}}}, {"properties": {"c": {"$ref": "#"}, "d": {}}}]},
        {"properties": {"c": {"$ref": "#"}}, "allOf": [{"additionalProperties": {"$ref": "#"}}]},
        {"items": {"$ref": "#"}, "contains": {"$ref": "#"}},
        {"prefixItems": [{"$ref": "#"}], "allOf": [{"items": {"$ref": "#"}}]},
    ],
)
def test_a_tree_that_looks_twice_at_each_part_has_a_bound(schema: JsonObject) -> None:
    guard = SchemaGuard()
    assert guard.judge(schema).problems == ()
    depths = guard.depths(schema)
    assert depths.judged is not None
    assert depths.explained is not None
    assert 5 <= depths.explained < depths.judged <= 25


def test_parts_that_refer_to_one_large_schema_are_looked_through_once() -> None:
    shared: dict[str, JsonObject] = {
        f"A{one}": {"properties": {f"k{one}": {"type": "string", "pattern": "a"}}} for one in range(500)
    }
    shared["All"] = {"allOf": [{"$ref": f"#/$defs/A{one}"} for one in range(500)]}
    schema: JsonObject = {"properties": {f"p{one}": {"$ref": "#/$defs/All"} for one in range(1_000)}}
    guard = SchemaGuard(shared)
    assert guard.judge(schema).problems == ()
    begun_s = time.process_time()
    assert guard.depths(schema) == Depths()
    assert time.process_time() - begun_s < 1


@pytest.mark.parametrize(
    "part",
    [
        {"allOf": [{"$ref": "#/$defs/All"}], "properties": {"own": {"pattern": "a"}}},
        {"allOf": [{"$ref": "#/$defs/All"}, {"$ref": "#/$defs/A0"}]},
    ],
)
def test_many_parts_that_each_look_at_many_schemas_are_refused_at_once(part: JsonObject) -> None:
    shared: dict[str, JsonObject] = {
        f"A{one}": {"properties": {f"k{one}": {"type": "string", "pattern": "a"}}} for one in range(1_000)
    }
    shared["All"] = {"allOf": [{"$ref": f"#/$defs/A{one}"} for one in range(1_000)]}
    begun_s = time.process_time()
    told = _told({"properties": {f"p{one}": part for one in range(2_000)}}, shared)
    assert time.process_time() - begun_s < 3
    assert len(told) == 1
    assert "takes more than 500,000 steps to look through; describe less of it" in told[0]


def test_values_beyond_the_bound_are_refused_at_once_and_say_why() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {"child": {"anyOf": [{"$ref": "#"}, {"allOf": [{"$ref": "#"}, {"minProperties": 1}]}]}},
    }
    depths = SchemaGuard().depths(schema)
    validator = SchemaValidator(schema, name="a tree", is_foreign=True, depths=depths)
    value: JsonObject = {}
    for _ in range(40):
        value = {"child": value}
    begun_s = time.process_time()
    (problem,) = validator.problems(value)
    assert not validator.fits(value)
    assert time.process_time() - begun_s < 1
    assert str(problem) == f"This must not be nested deeper than {depths.judged} levels."


def test_values_that_are_too_deep_to_explain_are_judged_all_the_same() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {"child": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, "x": {"type": "integer"}},
    }
    depths = SchemaGuard().depths(schema)
    assert depths.explained is not None
    validator = SchemaValidator(schema, name="a tree", is_foreign=True, depths=depths)

    def nested(inner: object) -> JsonObject:
        value: JsonObject = {"x": inner}
        for _ in range((depths.explained or 0) + 2):
            value = {"child": value}
        return value

    assert validator.fits(nested(1))
    assert validator.problems(nested(1)) == []
    assert not validator.fits(nested("no"))
    (problem,) = validator.problems(nested("no"))
    assert str(problem) == (
        f"This does not fit; where is not told of what is nested deeper than {depths.explained} levels."
    )


# ---------------------------------------------------------------- regular expressions


@pytest.mark.parametrize("pattern", [r"(?=a)b", r"(a)\1", r"(?<!x)y", "(", "x" * 3_000, r"(?:a{1000}){1000}"])
def test_a_pattern_that_could_take_long_is_refused(pattern: str) -> None:
    assert judge_pattern(pattern) is not None
    assert [one.path for one in _problems({"properties": {"a": {"pattern": pattern}}})] == [
        ("properties", "a", "pattern")
    ]
    assert [one.path for one in _problems({"patternProperties": {pattern: {}}})] == [
        ("patternProperties", pattern)
    ]


def test_a_pattern_that_makes_others_hang_takes_no_time() -> None:
    schema: JsonObject = {"properties": {"a": {"pattern": r"^(\w+\s?)*$"}}}
    assert _problems(schema) == []
    validator = SchemaValidator(schema, name="a trap", is_foreign=True)
    begun_s = time.process_time()
    assert not validator.fits({"a": "a" * 50_000 + "!"})
    assert time.process_time() - begun_s < 1
