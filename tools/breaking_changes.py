"""What a new version of a JSON Schema takes away from those who hold messages or code made for the old one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
References = frozenset[tuple[str, str]]

UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
FIXED = ("pattern", "format", "multipleOf", "uniqueItems")


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """The breaches, each with a JSON Pointer into the old schema.

    A removed field, a field that is newly required, and anything narrower than before (type, enumeration, limit) break
    a reader or a stored message. New optional fields do not: readers ignore what they do not know. A wider enumeration
    does not either, provided that consumers are released before the publisher.
    """
    return list(_Comparison(old, new).of("", old, new, frozenset()))


@dataclass(frozen=True)
class _Comparison:
    """`above` are the definitions that are being compared already: one that contains itself ends there."""

    old_document: Schema
    new_document: Schema

    def of(self, where: str, old: Schema, new: Schema, above: References) -> Iterator[str]:
        references = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if any(references):
            if references in above:
                return
            above |= {references}
        old, new = _resolved(self.old_document, old), _resolved(self.new_document, new)
        yield from self._alternatives(where, old, new, above)
        yield from self._fields(where, old, new, above)
        yield from _values(where, old, new)
        yield from _limits(where, old, new)
        for inner in ("items", "additionalProperties"):
            if isinstance(old.get(inner), dict) and isinstance(new.get(inner), dict):
                yield from self.of(f"{where}/{inner}", old[inner], new[inner], above)
        if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
            yield f"{where}: unknown fields are no longer welcome"

    def _alternatives(self, where: str, old: Schema, new: Schema, above: References) -> Iterator[str]:
        """Each alternative of the old schema must still fit one of the new schema's."""
        if "anyOf" not in old and "anyOf" not in new:
            if not _accepts(new.get("type"), old.get("type")):
                yield f"{where}: the type was {old.get('type')} and is {new.get('type')}"
            return
        choices: list[Schema] = new.get("anyOf", [new])
        for index, alternative in enumerate(old.get("anyOf", [old])):
            place = f"{where}/anyOf/{index}" if "anyOf" in old else where
            if all(any(self.of(place, alternative, choice, above)) for choice in choices):
                yield f"{place}: no alternative is left for it"

    def _fields(self, where: str, old: Schema, new: Schema, above: References) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            if name not in after:
                yield f"{where}/properties/{name}: the field is gone"
            else:
                yield from self.of(f"{where}/properties/{name}", before[name], after[name], above)
        for name in sorted(set(new.get("required", [])) - set(old.get("required", []))):
            yield f"{where}/properties/{name}: the field is newly required"


def _resolved(document: Schema, schema: Schema) -> Schema:
    reference = schema.get("$ref")
    return document["$defs"][reference.rpartition("/")[2]] if reference else schema


def _accepts(wider: str | None, narrower: str | None) -> bool:
    return wider is None or wider == narrower or (wider, narrower) == ("number", "integer")


def _values(where: str, old: Schema, new: Schema) -> Iterator[str]:
    before, after = _allowed(old), _allowed(new)
    if after is not None and before is None:
        yield f"{where}: only certain values are left"
    elif after is not None and before is not None:
        for value in before:
            if value not in after:
                yield f"{where}: the value {value!r} is gone"


def _allowed(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _limits(where: str, old: Schema, new: Schema) -> Iterator[str]:
    for name in (*UPPER, *LOWER, *FIXED):
        if name not in new or new[name] == old.get(name):
            continue
        tighter_upper = name in UPPER and new[name] < old.get(name, float("inf"))
        tighter_lower = name in LOWER and new[name] > old.get(name, float("-inf"))
        if name in FIXED or tighter_upper or tighter_lower:
            yield f"{where}: {name} is narrower"
