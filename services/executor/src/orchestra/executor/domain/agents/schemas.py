"""Schemas of tools that others serve: what of one a model may be told and calls may be judged by.

A schema of somebody else's is hostile: a pattern may take for ever to match, a reference may name an address or run in
a circle, two references in each of thirty definitions are a billion. So it is built anew of known words alone, its
references written out, within bounds. What is left out only lets more pass: the server judges its arguments itself.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

MOST_DEPTH = 12
MOST_PARTS = 1_000
MOST_TEXT = 16_000
"""Characters of the whole, as JSON."""
MOST_DESCRIPTION = 500
MOST_CHOICES = 200

TYPES = frozenset(("object", "array", "string", "number", "integer", "boolean", "null"))
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""What providers of models take for a name of an argument."""
_HIGHEST = 1e15


class BadSchema(ValueError):
    """A model cannot be told of such arguments; the message says why."""


def plain_schema(given: object) -> dict[str, Any]:
    """The schema of an object, safe to be told and to judge by. Raises BadSchema."""
    root = _mapping(given)
    if root is None or root.get("type", "object") != "object":
        raise BadSchema("its arguments are no object")
    built = _Builder(root).part(root, (), 0)
    for word in ("anyOf", "oneOf", "allOf"):
        built.pop(word, None)  # providers take none of them at the top
    built["type"] = "object"
    built.setdefault("properties", {})
    if len(json.dumps(built)) > MOST_TEXT:
        raise BadSchema(f"its schema has more than {MOST_TEXT} characters")
    return built


class _Builder:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._parts = 0

    def part(self, given: object, way: tuple[str, ...], depth: int) -> dict[str, Any]:
        """`way`: the references that led here, so that none is followed into itself."""
        self._parts += 1
        if self._parts > MOST_PARTS or depth > MOST_DEPTH:
            raise BadSchema(f"its schema has more than {MOST_PARTS} parts, or is deeper than {MOST_DEPTH}")
        schema = _mapping(given)
        if schema is None:
            return {}
        built: dict[str, Any] = {}
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference not in way:
            built = self.part(self._found(reference), (*way, reference), depth + 1)
        for word, read in _WORDS.items():
            if word in schema and (value := read(schema[word])) is not None:
                built[word] = value
        self._within(schema, built, way, depth + 1)
        return built

    def _within(self, schema: Mapping[str, Any], built: dict[str, Any], way: tuple[str, ...], depth: int) -> None:
        properties = _mapping(schema.get("properties"))
        if properties is not None:
            if odd := [name for name in properties if not _NAME.fullmatch(name)]:
                raise BadSchema(f"no argument can be called {odd[0][:80]!a}")
            built["properties"] = {name: self.part(each, way, depth) for name, each in properties.items()}
        for word in ("items", "additionalProperties"):
            if isinstance(schema.get(word), bool):
                built[word] = schema[word]
            elif word in schema:
                built[word] = self.part(schema[word], way, depth)
        for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
            if isinstance(schema.get(word), list) and schema[word]:
                built[word] = [self.part(each, way, depth) for each in schema[word]]

    def _found(self, reference: str) -> object:
        """What a reference within the schema names; one that leads elsewhere names nothing."""
        if not reference.startswith("#/"):
            return self._root if reference == "#" else None
        here: object = self._root
        for step in reference[2:].split("/"):
            here = (_mapping(here) or {}).get(step.replace("~1", "/").replace("~0", "~"))
        return here


def _mapping(value: object) -> Mapping[str, Any] | None:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else None


def _type(value: object) -> object:
    if isinstance(value, list):
        named = [each for each in cast("list[object]", value) if isinstance(each, str) and each in TYPES]
        return list(dict.fromkeys(named)) or None
    return value if isinstance(value, str) and value in TYPES else None


def _words(value: object) -> object:
    return _clean(value)[:MOST_DESCRIPTION] if isinstance(value, str) else None


def _clean(text: str) -> str:
    return "".join(c for c in text if (c.isprintable() or c == "\n") and not "\ud800" <= c <= "\udfff")


def _names(value: object) -> object:
    if not isinstance(value, list):
        return None
    names = [each for each in cast("list[object]", value) if isinstance(each, str) and _NAME.fullmatch(each)]
    return list(dict.fromkeys(names))


def _choices(value: object) -> object:
    if not isinstance(value, list) or not value:
        return None
    choices = cast("Sequence[object]", value)
    return list(choices) if len(choices) <= MOST_CHOICES and all(map(_is_scalar, choices)) else None


def _is_scalar(value: object) -> bool:
    if isinstance(value, str):
        return _clean(value) == value
    return value is None or isinstance(value, bool) or _number(value) is not None


def _scalar(value: object) -> object:
    return value if _is_scalar(value) else None


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and abs(value) < _HIGHEST else None


def _count(value: object) -> object:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _HIGHEST else None


def _truth(value: object) -> object:
    return value if isinstance(value, bool) else None


_WORDS: Mapping[str, Callable[[object], object]] = {
    "type": _type,
    "title": _words,
    "description": _words,
    "enum": _choices,
    "const": _scalar,
    "default": _scalar,
    "required": _names,
    "minimum": _number,
    "maximum": _number,
    "exclusiveMinimum": _number,
    "exclusiveMaximum": _number,
    "minLength": _count,
    "maxLength": _count,
    "minItems": _count,
    "maxItems": _count,
    "minProperties": _count,
    "maxProperties": _count,
    "uniqueItems": _truth,
}
"""Words that say something about a value itself, and how each is read; None: it says nothing that counts."""
