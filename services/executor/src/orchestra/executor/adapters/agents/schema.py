"""Arguments of tools against their schemas."""

from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

MOST = 5
"""Faults that are told."""


def faults_of(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> Sequence[str]:
    """Why the arguments do not fulfil it."""
    validator: Any = Draft202012Validator(schema)
    faults: list[str] = []
    for error in validator.iter_errors(dict(arguments)):
        where = "/".join(str(part) for part in error.absolute_path)
        faults.append(f"{where or 'arguments'}: {error.message[:300]}")
        if len(faults) == MOST:
            break
    return faults
