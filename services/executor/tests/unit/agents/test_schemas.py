"""Schemas of other people's tools: what is left of them, and that judging by it takes no time."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orchestra.executor.domain.agents.schemas import MOST_TEXT, BadSchema, plain_schema

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
WORDS = st.sampled_from(
    "type properties items required enum anyOf allOf $ref $defs pattern minimum minLength additionalProperties "
    "description not if format default uniqueItems".split()
)
SCHEMAS = st.recursive(
    JSON,
    lambda inner: (
        st.dictionaries(WORDS, inner | JSON, max_size=5) | st.fixed_dictionaries({"properties": JSON, "items": inner})
    ),
    max_leaves=12,
)


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_what_is_plain_stays_as_it_is() -> None:
    schema = {
        **of(
            place={"type": "string", "description": "Where.", "minLength": 1},
            days={"type": ["integer", "null"], "minimum": 1, "maximum": 7, "default": 3},
            kind={"enum": ["high", "low"]},
            spots={"type": "array", "items": {"type": "number"}, "maxItems": 3, "uniqueItems": True},
        ),
        "required": ["place"],
        "additionalProperties": False,
    }

    assert plain_schema(schema) == schema


def test_references_are_written_out() -> None:
    schema = {
        **of(at={"$ref": "#/$defs/Spot"}, to={"anyOf": [{"$ref": "#/$defs/Spot"}, {"type": "null"}]}),
        "$defs": {"Spot": {"type": "object", "properties": {"lat": {"type": "number"}}}},
    }

    plain = plain_schema(schema)

    assert plain["properties"]["at"] == {"type": "object", "properties": {"lat": {"type": "number"}}}
    assert plain["properties"]["to"]["anyOf"][0]["properties"] == {"lat": {"type": "number"}}
    assert "$" not in json.dumps(plain)


def test_a_reference_into_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}

    plain = plain_schema({**of(first={"$ref": "#/$defs/Node"}), "$defs": {"Node": node}})

    assert plain["properties"]["first"]["properties"]["next"] == {}


@pytest.mark.parametrize(
    "reference", ["http://169.254.169.254/", "file:///etc/passwd", "#/nowhere", "other.json#/x", 5]
)
def test_a_reference_to_elsewhere_names_nothing(reference: object) -> None:
    assert plain_schema(of(a={"$ref": reference}))["properties"] == {"a": {}}


def test_patterns_are_left_out() -> None:
    schema = of(a={"type": "string", "pattern": "(a+)+$", "format": "regex"})
    schema["patternProperties"] = {"(x+)+$": {}}

    plain = plain_schema(schema)

    began = time.perf_counter()
    assert Draft202012Validator(plain).is_valid({"a": "a" * 50 + "!"})
    assert time.perf_counter() - began < 1
    assert plain == of(a={"type": "string"})


def test_references_that_multiply_are_refused_at_once() -> None:
    """Thirty definitions, each of which names the next one twice: a billion, written out."""
    doubles = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)}
    began = time.perf_counter()

    with pytest.raises(BadSchema, match="parts"):
        plain_schema({**of(a={"$ref": "#/$defs/d0"}), "$defs": doubles})

    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "schema",
    [
        None,
        "object",
        ["object"],
        {"type": "array"},
        {"type": ["object"]},
        of(**{"a b": {}}),
        of(**{"a" * 65: {}}),
        of(**{"": {}}),
        of(inner=of(ü={})),
    ],
)
def test_what_no_model_can_be_told_is_refused(schema: object) -> None:
    with pytest.raises(BadSchema):
        plain_schema(schema)


def test_a_schema_is_bounded() -> None:
    with pytest.raises(BadSchema, match="characters"):
        plain_schema(of(**{f"a{n}": {"description": "x" * 500} for n in range(40)}))
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"type": "array", "items": deep}
    with pytest.raises(BadSchema, match="deeper"):
        plain_schema(of(a=deep))


def test_alternatives_at_the_top_are_left_out() -> None:
    """Providers refuse a request in which a tool has some."""
    assert plain_schema({**of(a={}), "anyOf": [{"required": ["a"]}], "oneOf": [{}], "allOf": [{}]}) == of(a={})


@given(SCHEMAS, JSON)
def test_whatever_is_given_is_refused_or_a_schema_that_judges(schema: object, value: object) -> None:
    try:
        plain = plain_schema({"type": "object", "properties": {"a": schema}})
    except BadSchema:
        return
    Draft202012Validator.check_schema(plain)
    list(Draft202012Validator(plain).iter_errors({"a": value}))
    assert len(json.dumps(plain)) <= MOST_TEXT
    json.dumps(plain).encode()
