"""Statements of the hot path: written in SQLAlchemy like any other, compiled once, then handed straight to the driver.

What SQLAlchemy does for a statement each time it is executed (take it apart, look its text up, wrap cursor and rows)
costs ten times what the statement itself does. A `Statement` keeps the text, the order of its parameters and the
conversions of types, and asks nothing more of SQLAlchemy than to hold the connection and the transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BindParameter,
    ColumnElement,
    Executable,
    Float,
    String,
    Table,
    Text,
    bindparam,
    column,
    func,
    insert,
    literal,
    select,
    true,
    type_coerce,
)
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

from orchestra.chassis.database.engine import Dialect, Load

Row = tuple[Any, ...]
"""The columns in the order of the statement."""

Convert = Callable[[Any], Any] | None


def given(name: str, of: Any = None) -> BindParameter[Any]:
    """A value that each call brings along, of that type where its place does not say it."""
    return bindparam(name, None, of)


def insertion(*columns: str) -> dict[str, BindParameter[Any]]:
    """For `values`: each of the columns from the row's value of that name."""
    return {name: given(name) for name in columns}


class Statement:
    """`Statement(lambda dialect: select(NOTE.c.text).where(NOTE.c.id == given("id")))`.

    Every value that differs from call to call is `given`; lists of strings go through `dialect.among`.
    """

    def __init__(self, build: Callable[[Dialect], Executable]) -> None:
        self._build = build
        self._compiled: dict[type[Dialect], Compiled] = {}

    def on(self, dialect: Dialect, sql: SqlDialect) -> "Compiled":
        compiled = self._compiled.get(type(dialect))
        if compiled is None:
            compiled = self._compiled[type(dialect)] = Compiled(self.built(dialect), sql)
        return compiled

    def built(self, dialect: Dialect) -> Any:
        return self._build(dialect)


@cache
def side_by_side(reads: tuple[Statement, ...]) -> Statement:
    """All of them in one statement, each as a list of its rows; they see the same snapshot."""

    def build(dialect: Dialect) -> Executable:
        lists: list[Any] = []
        for number, read in enumerate(reads):
            rows = read.built(dialect).subquery(f"r{number}")
            listed = select(func.array_agg(rows.table_valued())).scalar_subquery()
            lists.append(type_coerce(listed, NullType()).label(f"rows{number}"))
        return select(*lists)

    return Statement(build)


Values = Callable[[str], ColumnElement[Any]]
"""From the name of a value to the place in a statement that takes it."""


class Write:
    """Rows that are written at the end of their transaction, and with those of other writes in one exchange.

    `build` gets the places of the values: `Write(lambda v: update(NOTE).where(NOTE.c.id == v("id")).values(…), …)`,
    with the type of each. No write may depend on another one of the same transaction.
    """

    def __init__(self, build: Callable[[Values], Any], types: Mapping[str, TypeEngine[Any]]) -> None:
        self.types = types
        self._build = build
        self.each = Statement(lambda _: build(lambda name: given(name, types[name])))
        """For one row."""

    @staticmethod
    def into(table: Table, *columns: str) -> "Write":
        """An insertion."""

        def build(values: Values) -> Any:
            source = select(*(values(name) for name in columns)).where(true())
            return insert(table).inline().from_select(columns, source)

        return Write(build, {name: table.c[name].type for name in columns})

    def all_of(self, rows: Any) -> Any:
        """For all rows of a table that has the values as its columns."""
        return self._build(lambda name: rows.c[name])


@cache
def together(writes: tuple[Write, ...]) -> Statement:
    """All of them in one statement; its values are those of `columns_of`."""

    def build(_: Dialect) -> Executable:
        parts: list[Any] = []
        for number, write in enumerate(writes):
            lists = [
                bindparam(f"w{number}_{name}", None, ARRAY(_unbound(of), dimensions=1))
                for name, of in write.types.items()
            ]
            rows = func.unnest(*lists).table_valued(*(column(name, of) for name, of in write.types.items()))
            parts.append(write.all_of(rows.render_derived()).cte(f"w{number}"))
        return select(literal(1)).add_cte(*parts)

    return Statement(build)


def columns_of(writes: Iterable[tuple[Write, Sequence[Mapping[str, Any]]]]) -> dict[str, list[Any]]:
    """The rows of each write, turned about: a list for each column."""
    return {
        f"w{number}_{name}": [row[name] for row in rows]
        for number, (write, rows) in enumerate(writes)
        for name in write.types
    }


def _unbound(of: TypeEngine[Any]) -> TypeEngine[Any]:
    # A cast to VARCHAR(n) would cut a value off where an insertion refuses it.
    return Text() if isinstance(of, String) else of


class Copy:
    """Rows of a table that come by the ten thousands: `Copy(NOTE, "id", "text")`.

    Each row has its values in the order of the columns, JSON as text. It takes no part in what a table does about
    conflicts: a row that is there already is an error.
    """

    def __init__(self, table: Table, *columns: str) -> None:
        self._table = table
        self._columns = columns
        self._one = Write.into(table, *columns).each  # from a SELECT, which keeps the order of the columns
        self._conversions: dict[type[Dialect], list[tuple[int, Callable[[Any], Any]]]] = {}

    def load(self, dialect: Dialect, sql: SqlDialect) -> Load:
        return Load(self._table.name, self._columns, self._one.on(dialect, sql).text)

    def converted(self, rows: Iterable[Sequence[Any]], dialect: Dialect, sql: SqlDialect) -> Sequence[Sequence[Any]]:
        """The rows as the driver takes them."""
        found = self._conversions.get(type(dialect))
        if found is None:
            types = [self._table.c[name].type.dialect_impl(sql) for name in self._columns]
            converters = [None if _is_json(of) else of.bind_processor(sql) for of in types]
            found = self._conversions[type(dialect)] = [(at, each) for at, each in enumerate(converters) if each]
        if not found:
            return list(rows)
        taken = [list(row) for row in rows]
        for at, convert in found:
            for row in taken:
                if row[at] is not None:
                    row[at] = convert(row[at])
        return taken


def _is_json(of: TypeEngine[Any]) -> bool:
    return isinstance(of.impl_instance if isinstance(of, TypeDecorator) else of, JSON)


class Compiled:
    """A statement as one driver takes it."""

    def __init__(self, statement: Any, dialect: SqlDialect) -> None:
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self.text: str = compiled.string
        self._parameters: list[tuple[str, bool, Any, Convert]] = []
        for name in compiled.positiontup:
            # The members of a list that was written out have names of their own; they are what stands there.
            bind = compiled.binds.get(name)
            fixed = bind is None or bind.unique
            convert = bind.type.dialect_impl(dialect).bind_processor(dialect) if bind is not None else None
            value = compiled.params[name] if fixed else None
            self._parameters.append((name, fixed, convert(value) if fixed and convert else value, convert))
        columns = statement.exported_columns if statement.is_dml else statement.selected_columns
        self._conversions: list[Convert] = [_result(column.type, dialect) for column in columns]
        self._plain = not any(self._conversions)

    def parameters(self, values: Mapping[str, Any]) -> list[Any]:
        return [
            value if fixed else (convert(values[name]) if convert else values[name])
            for name, fixed, value, convert in self._parameters
        ]

    def converted(self, rows: Sequence[Any]) -> list[Row]:
        if self._plain:
            return [tuple(row) for row in rows]
        conversions = self._conversions
        return [
            tuple([convert(value) if convert else value for convert, value in zip(conversions, row, strict=True)])
            for row in rows
        ]


def _result(of: TypeEngine[Any], dialect: SqlDialect) -> Convert:
    # Both drivers hand a float out as one; SQLAlchemy would ask which number the wire had.
    return None if isinstance(of, Float) else of.dialect_impl(dialect).result_processor(dialect, None)
