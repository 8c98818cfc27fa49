"""Column types that mean the same on both databases."""

import zlib
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json
from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

Json: TypeEngine[Any] = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""A JSON document. Its operators exist on PostgreSQL alone: query by columns."""

Counter = BigInteger().with_variant(Integer(), "sqlite")
"""A number that the database counts up; SQLite does so only for an `Integer` key."""


class _Compressed(Text):
    """Declared as the JSON that stood there first: a new type would have SQLite make the table anew."""

    __visit_name__ = "JSON"


class LargeJson(TypeDecorator[Any]):
    """A large JSON document, written as text and read as a whole. PostgreSQL compresses it; for SQLite this does."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else _Compressed())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return zlib.compress(value.encode(), level=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """As text it was written by a release before there was this."""
        if value is None or dialect.name == "postgresql":
            return value
        return from_json(value if isinstance(value, str) else zlib.decompress(value))


class Instant(TypeDecorator[datetime]):
    """An aware instant in UTC. SQLite would hand naive ones back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive instant: {value}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
