"""Read numbers and booleans whatever JSON type they were sent as, once in Python and once in SQL.

Belongs here: the accepted representations of a value, and the typed struct that cleaning makes of an item.
Does not belong here: what a value means (the source files), which rows are kept (json_body.py).

The same value may be sent as ``1909``, ``"1909"``, ``1909.0`` or ``1.909e3``; all of these are accepted. A fraction,
``"many"`` or ``true`` instead of a whole number is not. Both readers agree on every value, because both count items.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeGuard, cast

from pydantic import BeforeValidator

from steam_assets.sources.source import Column

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType

BELOW_ZERO = 2**32 - 2**16
"""From here to 2**32 - 1 a count is a negative one written as an unsigned 32-bit number."""

ROUNDING = 1e-6
"""How far rounding may push a share out of its bounds; single precision pushes it by 1.2e-7."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?")
_SQL_NUMBER = rf"^{_NUMBER.pattern}\\z"
_FINITE = "-1e300D and 1e300D"
_TRIMMED = "".join(map(chr, [*range(1, 33), 127]))
"""The characters that Spark's casts strip from both ends of a text."""

UNREADABLE, AS_SENT = "unreadable", "as_sent"
"""The fields that ``TypedItem`` adds to an item."""

_WHOLE_TYPES = frozenset({"tinyint", "smallint", "int", "bigint"})
_FRACTION_TYPES = frozenset({"float", "double"})


def whole_of(value: object) -> int | None:
    """The 64-bit whole number that a JSON value represents; -1 for an unsigned 64-bit one, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        stripped = value.strip(_TRIMMED)
        if _INTEGER.fullmatch(stripped) and len(stripped) <= 20:
            value = int(stripped)
        elif _NUMBER.fullmatch(value):
            value = float(value)
        else:
            return None
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value
    number = float(value)
    if 2**63 <= number <= 2**64:
        return -1
    return int(number) if -(2**63) <= number < 2**63 and number.is_integer() else None


def _whole(value: object) -> int:
    found = whole_of(value)
    if found is None:
        raise ValueError("not a whole number")
    return found


Whole = Annotated[int, BeforeValidator(_whole)]
"""A pydantic field for a whole number in any accepted representation."""


def whole(sql: str) -> str:
    """SQL: the whole number that a text represents; null for anything else."""
    number = f"try_cast({sql} as double)"
    wrapped = f"if({number} between 9223372036854775808D and 18446744073709551616D, -1D, {number})"
    # All but the first cast is for unusual values; this code is compiled for each field.
    return (
        f"coalesce(try_cast({sql} as bigint), "
        f"if({sql} rlike '{_SQL_NUMBER}' and {number} % 1 = 0, try_cast({wrapped} as bigint), null))"
    )


def fraction(sql: str) -> str:
    """SQL: the finite number that a text represents, null for anything else."""
    return f"if(try_cast({sql} as double) between {_FINITE}, try_cast({sql} as double), null)"


def below_zero(sql: str) -> str:
    """SQL: whether a count is negative, as such or wrapped to an unsigned number."""
    return f"({sql} < 0 or {sql} between {BELOW_ZERO} and {2**32 - 1} or {sql} >= 9223372036854775808D)"


def flag(sql: str) -> str:
    """SQL: the boolean that a text represents: true, false, 1 or 0; null for anything else."""
    return f"case when {sql} in ('true', '1', '1.0') then true when {sql} in ('false', '0', '0.0') then false end"


def reading(sql: str, kind: str) -> str | None:
    """SQL: a text read as that type (DDL); None for a type that a plain cast reads."""
    if kind in _WHOLE_TYPES:
        return whole(sql) if kind == "bigint" else f"try_cast({whole(sql)} as {kind})"
    if kind in _FRACTION_TYPES:
        return fraction(sql) if kind == "double" else f"try_cast({fraction(sql)} as {kind})"
    return flag(sql) if kind == "boolean" else None


@dataclass(frozen=True)
class TypedItem:
    """An item's declared type (DDL of its fields), and how to read items whose fields are written in other ways."""

    ddl: str
    declared: StructType

    @classmethod
    def of(cls, ddl: str) -> TypedItem:
        """Create one from the DDL of a struct's fields. Raises a Spark error if it is invalid."""
        from pyspark.sql.types import DataType

        return cls(ddl, cast("StructType", DataType.fromDDL(f"struct<{ddl}>")))

    @property
    def parsed(self) -> str:
        """The DDL to parse it with: its fields, and two in which ``read_one_by_one`` states what it could not read."""
        return f"{self.ddl}, {UNREADABLE} string, {AS_SENT} string"

    def read_one_by_one(self, texts: str) -> str:
        """SQL: from an array of JSON texts an array of items as ``parsed``, numbers and booleans read by ``reading``.

        UNREADABLE is why an item, or one of its fields, could not be read, and AS_SENT its text; null if all could.
        """
        # Each step names its result, so that no text is parsed or read twice.
        as_text = f"{_fields_as_text(self.declared)}, other_shape string"
        parsed = f"from_json(text, '{as_text}', map('columnNameOfCorruptRecord', 'other_shape'))"
        read = f"named_struct('sent', sent, 'read', {_typed('sent', self.declared)})"
        faults = ", ".join((*self._unreadable("one.sent", "one.read"), "null"))
        fault = f"if(one.sent.other_shape is null, coalesce({faults}), 'a field is not of the agreed shape')"
        judged = f"named_struct('sent', one.sent, 'read', one.read, 'fault', {fault})"
        fields = ", ".join(f"'{name}', one.read.`{name}`" for name in self.declared.names)
        text = "if(one.fault is null, null, coalesce(one.sent.other_shape, to_json(one.sent)))"
        item = f"named_struct({fields}, '{UNREADABLE}', one.fault, '{AS_SENT}', {text})"
        steps = f"transform(transform(transform({texts}, text -> {parsed}), sent -> {read}), one -> {judged})"
        return f"transform({steps}, one -> if(one.sent is null, null, {item}))"

    def infinite(self, sql: str) -> Iterator[str]:
        """SQL, one per fraction of an item as ``parsed``: null, or why it is unusable although it was parsed: 1e400."""
        for path, kind in _leaves(self.declared):
            if kind in _FRACTION_TYPES:
                number = f"{sql}.{path}"
                yield f"if({number} is null or {number} between {_FINITE}, null, {_unlike_field(path, kind)})"

    def _unreadable(self, text: str, typed: str) -> Iterator[str]:
        """SQL, one per field: null, or why the field of ``text`` could not be read."""
        for path, kind in _leaves(self.declared):
            yield f"if({text}.{path} is not null and {typed}.{path} is null, {_unlike_field(path, kind)}, null)"


def _unlike_field(path: str, kind: str) -> str:
    words = "a whole number" if kind in _WHOLE_TYPES else "a number"
    words = "true or false" if kind == "boolean" else words
    name = path.replace("`", "")
    return f"'`{name}` is not {words}'"


def _fields_as_text(declared: StructType) -> str:
    return ", ".join(f"`{field.name}` {_as_text(field.dataType)}" for field in declared.fields)


def _is_struct(kind: DataType) -> TypeGuard[StructType]:
    return kind.typeName() == "struct"


def _as_text(kind: DataType) -> str:
    if _is_struct(kind):
        return f"struct<{_fields_as_text(kind)}>"
    return "string" if reading("", kind.simpleString()) else kind.simpleString()


def _typed(sql: str, declared: StructType) -> str:
    fields = ", ".join(f"'{field.name}', {_field(f'{sql}.`{field.name}`', field.dataType)}" for field in declared)
    return f"if({sql} is null, null, named_struct({fields}))"


def _field(sql: str, kind: DataType) -> str:
    return _typed(sql, kind) if _is_struct(kind) else reading(sql, kind.simpleString()) or sql


def _leaves(declared: StructType, above: str = "") -> Iterator[tuple[str, str]]:
    for field in declared.fields:
        path = f"{above}`{field.name}`"
        if _is_struct(field.dataType):
            yield from _leaves(field.dataType, f"{path}.")
        elif reading("", field.dataType.simpleString()):
            yield path, field.dataType.simpleString()


@dataclass(frozen=True)
class ColumnReading:
    """How a clean column is read from its raw value. ``_name`` is that value, ``__name`` the number it represents.

    ``number`` is SQL over the value; ``value``, ``notes`` and ``faults`` are SQL over both.
    """

    name: str
    number: str
    value: str
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @classmethod
    def of(cls, column: Column, found: str) -> ColumnReading:
        """The reading of a column whose raw value has the type ``found`` (DDL)."""
        if column.type in _WHOLE_TYPES and column.unit:
            return cls._count(column, found)
        sent, number = f"_{column.name}", f"__{column.name}"
        read = (reading(sent, column.type) if found == "string" else None) or (
            sent if found == column.type else f"try_cast({sent} as {column.type})"
        )
        faults = [] if read == sent else [_unlike(column)]
        if column.bounds is None:
            return cls(column.name, read, number, (), tuple(faults))
        low, high = (f"{bound!r}D" for bound in column.bounds)
        inside = f"greatest(least({number}, {high}), {low})"
        by_rounding = f"abs({number} - {inside}) <= {ROUNDING!r}D"
        note = f"'`{column.name}` set to ' || {inside} || ': rounding had made it ' || {sent}"
        outside = f"'`{column.name}` is not from {column.bounds[0]:g} to {column.bounds[1]:g}: ' || {sent}"
        return cls(
            column.name,
            read,
            f"if({by_rounding}, {inside}, {number})",
            (f"if({number} <> {inside} and {by_rounding}, {note}, null)",),
            (*faults, f"if(not {by_rounding}, {outside}, null)"),
        )

    @classmethod
    def _count(cls, column: Column, found: str) -> ColumnReading:
        sent, number = f"_{column.name}", f"__{column.name}"
        read = fraction(sent) if found == "string" else f"cast({sent} as double)"
        value = f"try_cast({sent if found in _WHOLE_TYPES else f'rint({number})'} as {column.type})"
        below = below_zero(number)
        instead = "left out" if column.nullable else "set to 0"
        rounded = f"'`{column.name}` rounded from ' || {sent}"
        notes = [f"if({number} <> rint({number}) and not {below}, {rounded}, null)"]
        faults = [
            f"if({sent} is not null and not {below} and {value} is null, '`{column.name}` is not {column.type}', null)"
        ]
        notes.append(f"if({below}, '`{column.name}` {instead}: ' || {sent} || ' is a count below zero', null)")
        empty = "null" if column.nullable else "0"
        return cls(column.name, read, f"if({below}, {empty}, {value})", tuple(notes), tuple(faults))


def _unlike(column: Column) -> str:
    return f"if(_{column.name} is not null and __{column.name} is null, '`{column.name}` is not {column.type}', null)"
