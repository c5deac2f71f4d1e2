"""Parse a response's JSON: strictly in Python on arrival, leniently in Spark during cleaning.

Belongs here: what all JSON responses have in common, and that both parsers agree on the number of items in a body.
Does not belong here: the meaning of a particular response (the source files).

Both parsers see the same text: UTF-8, invalid bytes as U+FFFD. Python rejects what Spark's parser would read
differently (duplicate names, NaN, excessive nesting, numbers or names), so an accepted body has the same items for
both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn, TypeAlias, TypeGuard, TypeVar

from pydantic import BaseModel, ValidationError

from steam_assets.sources.escapes import REPLACED, lacks_characters, text_of_body
from steam_assets.sources.readers import AS_SENT, UNREADABLE, ColumnReading, TypedItem
from steam_assets.sources.source import InvalidResponse, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DEEPEST = 64
LONGEST_NUMBER = 300
LONGEST_STRING = 10_000_000
LONGEST_NAME = 10_000
NUMBER_CHARACTERS = "+-.0123456789Ee"

NOTES_HEADER = "import-notes"
"""Header of an imported envelope: one line for each thing the old collector altered or left out; absent if live."""

LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z, the last second that every reader of the clean tables can show."""

Container: TypeAlias = "dict[str, object] | list[object]"

Model = TypeVar("Model", bound=BaseModel)


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a parsed JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def decode(body: bytes) -> dict[str, object]:
    """The JSON object in a response body. Raises InvalidResponse, naming what was received, for anything else."""
    text = body.decode("utf-8-sig", errors="replace")
    start = text.lstrip()[:200]
    if not start:
        raise InvalidResponse("the body is empty")
    if start.startswith("<"):
        raise InvalidResponse(f"received HTML instead of JSON: {start[:80]!r}")
    measured = _may_have_long_number(text)
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_int=_short_int if measured else None,
            parse_float=_short_float if measured else None,
            object_pairs_hook=_without_duplicates,
        )
    except RecursionError:
        raise InvalidResponse(f"the JSON is nested more than {DEEPEST} levels deep") from None
    except json.JSONDecodeError as error:
        raise InvalidResponse(f"invalid JSON ({error.msg} at character {error.pos} of {len(text)})") from None
    if not is_object(value):
        raise InvalidResponse(f"expected a JSON object, received {start[:40]!r}")
    _check_depth(value)
    if len(text) > LONGEST_STRING:
        _check_strings(value)
    return value


def decode_service(body: bytes) -> dict[str, object]:
    """The non-empty ``response`` object sent by a Steam service; Steam sends an empty one for a failed call."""
    return filled_response(decode(body))


def filled_response(answer: Mapping[str, object]) -> dict[str, object]:
    """The same for an already decoded response."""
    response = answer.get("response")
    if not is_object(response):
        raise InvalidResponse("the body has no object `response`")
    if not response:
        raise InvalidResponse("`response` is empty: Steam refused the call or does not know the app")
    return response


def validated(model: type[Model], value: object) -> Model:
    """Validate ``value`` as the model. Raises InvalidResponse, which names the first invalid field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or model.__name__
        raise InvalidResponse(f"{error.error_count()} fields are invalid; first `{where}`: {first['msg']}") from None


def filled_list(response: Mapping[str, object], name: str) -> list[object]:
    """The list of that name. Raises InvalidResponse if it is missing or empty."""
    found = response.get(name)
    if not is_array(found) or not found:
        raise InvalidResponse(f"`{name}` is not a list with something in it")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidResponse(f"{name} is not a JSON number")


def _may_have_long_number(text: str) -> bool:
    """Whether so many characters of numbers follow each other, within a string or not."""
    # Of a longer number one character stands at a multiple of that length, so that only those are looked at.
    sample = enumerate(text[::LONGEST_NUMBER])
    places = (place * LONGEST_NUMBER for place, character in sample if character in NUMBER_CHARACTERS)
    return any(_run_around(text, place) > LONGEST_NUMBER for place in places)


def _run_around(text: str, place: int) -> int:
    before, after = text[max(0, place - LONGEST_NUMBER) : place], text[place : place + LONGEST_NUMBER + 1]
    return len(before) - len(before.rstrip(NUMBER_CHARACTERS)) + len(after) - len(after.lstrip(NUMBER_CHARACTERS))


def _short_int(digits: str) -> int:
    return int(_bounded(digits))


def _short_float(digits: str) -> float:
    return float(_bounded(digits))


def _bounded(digits: str) -> str:
    if len(digits) > LONGEST_NUMBER:
        raise InvalidResponse(f"a number of {len(digits)} characters")
    return digits


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise InvalidResponse("a name occurs twice in one JSON object, and parsers differ on which one counts")
    # Joined, because an object has many names, and hardly ever so many characters of them.
    if len("".join(value)) > LONGEST_NAME < max(map(len, value)):
        raise InvalidResponse(f"a name of more than {LONGEST_NAME} characters")
    return value


def _check_depth(value: dict[str, object]) -> None:
    level: list[Container] = [value]
    for _ in range(DEEPEST):
        # Not by `is_object` and `is_array`: two calls for each of 2,500 values took a fifth of decoding a page.
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return
    raise InvalidResponse(f"the JSON is nested more than {DEEPEST} levels deep")


def _check_strings(value: object) -> None:
    if isinstance(value, str) and len(value) > LONGEST_STRING:
        raise InvalidResponse(f"a text of more than {LONGEST_STRING} characters")
    if is_object(value) or is_array(value):
        for child in _children(value):
            _check_strings(child)


def _children(value: Container) -> Iterable[object]:
    return value.values() if is_object(value) else value


def seconds(moment: datetime) -> int:
    """Unix seconds of an aware datetime."""
    return int(moment.timestamp())


def moment_of(sql: str) -> str:
    """SQL: the timestamp of Unix seconds, null outside 1970..9999."""
    return f"if({sql} between 0 and {LAST_SECOND}, timestamp_seconds({sql}), null)"


WINDOW_START = "unix_date(to_date(partition_key)) * 86400L"
"""SQL: the Unix second at which an envelope's partition begins."""

ORIGIN = ("partition_key", "batch_id", "fetched_at", "sequence", "source_sha256")


def exploded(
    raw: DataFrame,
    *,
    shape: str,
    array: str,
    item: str = "",
    keep: Mapping[str, str] | None = None,
    carry: Sequence[str] = (),
) -> DataFrame:
    """One row per element of each body's array, all in the JVM; a rejected response is one row with its ``problem``.

    ``shape`` is the DDL of the body's fields, its scalars as string; ``array`` and the values of ``keep`` are SQL over
    ``{whole}``, the parsed body. ``item`` is the DDL of an element's fields, inserted into ``shape`` for ``{item}``; it
    may be omitted if ``array`` builds structs of strings itself. Its numbers and booleans are read however they were
    written (readers.py); one that cannot be read is the row's ``problem``. A body whose values have the declared types
    is parsed once. Any other, for example with a number sent as a text, is split into the texts of its elements, which
    are read one by one, so that a bad element does not affect the others.

    Example: for the body ``{"day": "7", "games": [{"id": "10", "players": 5}, {"id": "x"}]}``

    ``exploded(raw, shape="day string, games array<{item}>", array="{whole}.games", item="id bigint, players bigint",
    keep={"day": "{whole}.day"})``

    has two rows with ``day`` "7": one with ``entry.id`` 10, ``entry.players`` 5 and no ``problem``; one whose
    ``problem`` is "`id` is not a whole number" and whose ITEM_TEXT is the text of the second element. Without the
    quotation marks around 10, and without the second element, the body would be parsed once.

    Columns: ``app_id``, ``request`` and the origin of the envelope, ``hash_key`` if given, those of ``carry`` and
    ``keep``, ``entry`` (null if it is not an object), ``item`` (for ITEM_TEXT), ``problem``, ``replaced`` (whether it
    has U+FFFD), ``notes`` (those of an import, null for a live response).
    """
    from pyspark.sql import functions as F

    columns = [name for name in ("app_id", "request", *ORIGIN, "hash_key", *carry) if name in raw.columns]
    typed = TypedItem.of(item) if item else None
    strict = shape.replace("{item}", f"struct<{typed.parsed}>" if typed else "")
    loose = shape.replace("{item}", "string")

    def path(sql: str, *, elements: bool = False) -> str:
        plain, other = sql.replace("{whole}", "whole"), sql.replace("{whole}", f"from_json(text, '{loose}')")
        other = typed.read_one_by_one(other) if typed and elements else other
        return f"if(whole.unreadable_body is null, {plain}, {other})"

    kept = {name: path(sql) for name, sql in (keep or {}).items()}
    # A text such as "NaN" for a number is read with the other odd ones.
    options = "map('columnNameOfCorruptRecord', 'unreadable_body', 'allowNonNumericNumbers', 'false')"
    rows = (
        raw.withColumn("text", F.when(F.col("problem").isNull(), text_of_body()))
        .withColumn("whole", F.expr(f"from_json(text, '{strict}, unreadable_body string', {options})"))
        .select(
            *columns,
            "problem",
            F.split(F.col("headers")[NOTES_HEADER], "\n").alias("notes"),
            F.expr("if(problem is not null, body, null)").alias("refused"),
            lacks_characters().alias("suspect"),
            F.expr("whole.unreadable_body is not null").alias("odd"),
            *(F.expr(sql).alias(name) for name, sql in kept.items()),
            F.expr(f"if(problem is null, {path(array, elements=True)}, array(null))").alias("entries"),
        )
        # The outer form: for the other one Spark adds a filter on `size(entries)` and so parses each body twice.
        .select("*", F.posexplode_outer("entries").alias("place", "entry"))
        .where("place is not null")
    )
    # Only an odd page has the fields that we add; a field of that name in another body is the source's own.
    unreadable = f"if(odd, entry.{UNREADABLE}, null)" if typed else "null"
    faults = ", ".join((unreadable, *(typed.infinite("entry") if typed else ()), "null"))
    as_sent = f"if(odd, entry.{AS_SENT}, null)" if typed else "null"
    return rows.select(
        *columns,
        *kept,
        "notes",
        "entry",
        F.expr(f"struct(coalesce(refused, {as_sent}) AS text, entry AS read)").alias("item"),
        F.expr(
            "case when problem is not null then problem when entry is null then 'not a JSON object' "
            f"else coalesce({faults}) end"
        ).alias("problem"),
        F.expr(r"if(suspect, contains(to_json(entry), '\ufffd'), false)").alias("replaced"),
    )


def exploded_list(raw: DataFrame, name: str, item: str) -> DataFrame:
    """One row per element of the list ``name`` in the response of a Steam service, as ``exploded`` makes it."""
    shape, array = f"response struct<{name}: array<{{item}}>>", f"{{whole}}.response.{name}"
    return exploded(raw, shape=shape, array=array, item=item)


ITEM_TEXT = "coalesce(item.text, to_json(item.read), 'null')"
"""SQL: the text of an item of ``exploded`` or ``within``; built for all, it would be a fifth of the cleaning."""


def within(entries: DataFrame, name: str, *, or_else: str = "") -> DataFrame:
    """One row per object in the list ``name`` of each entry of ``exploded``; an unusable entry stays one row.

    If the list is null or empty, the object ``or_else`` counts as its only one; without that there is no row. The
    scalars of the ``item`` DDL must all be string, so that only a list or object of another shape makes an entry
    unusable; ``count_within`` counts the same in Python.

    Example: for items ``{"id": "10", "tags": [{"tagid": 5}, null]}``, ``{"id": "11"}`` and ``{"id": "12", "tags": 7}``
    with ``item="id string, tags array<struct<tagid: string>>"``, ``within(entries, "tags")`` has three rows: two
    with ``entry.id`` "10", the first with ``element.tagid`` "5", the second with the ``problem`` "not a JSON object";
    and one whose ``problem`` is "a field is not of the agreed shape".

    Columns: those of ``exploded``, and ``element``; ITEM_TEXT is the element's text.
    """
    from pyspark.sql import functions as F

    other = f"if(entry.{or_else} is null, null, array(entry.{or_else}))" if or_else else "null"
    elements = f"if(problem is not null, array(null), if(size(entry.{name}) > 0, entry.{name}, {other}))"
    found = entries.withColumn("elements", F.expr(elements))
    rows = found.select(*entries.columns, F.posexplode_outer("elements").alias("place", "element"))
    none = "problem is null and element is null"
    return (
        rows.where("place is not null")
        .drop("place")
        .withColumn("item", F.expr(f"struct(if(problem is null, null, {ITEM_TEXT}) AS text, element AS read)"))
        .withColumn("problem", F.expr(f"if({none}, 'not a JSON object', problem)"))
    )


def count_within(item: object, name: str, *, or_else: str = "") -> int:
    """The number of rows ``within`` makes of an item, whose DDL has no other list or object than the two."""
    if not is_object(item):
        return 1
    none: list[object] = []
    listed = none if item.get(name) is None else item[name]
    other = item.get(or_else) if or_else else None
    if not is_array(listed) or not all(one is None or is_object(one) for one in (*listed, other)):
        return 1
    return len(listed) or int(other is not None)


NUL = r"\u0000"
"""SQL: a character that no text of a body has, see ``text_of_body``."""


def _listed(notes: Sequence[str]) -> str:
    """SQL: the notes that are not null, then those of an import."""
    # Not `array_compact`: for its lambda function Spark compiles no code, and copies each row twice.
    own = f"nullif(concat_ws('{NUL}', {', '.join(notes)}), '')"
    return f"concat(coalesce(split({own}, '{NUL}'), array()), coalesce(notes, array()))"


def shaped(entries: DataFrame, table: Table, *, changes: str = "") -> DataFrame:
    """Build a clean table's rows from ``exploded`` ones: each column from its ``value``, typed or as text.

    A value that cannot be read as its column's type, is outside its bounds, or is missing in a column that is not
    nullable, is the row's ``problem``, and so is a broken rule of the table. A count below zero becomes null (0 if the
    column is not nullable), a fractional count is rounded, and a value that exceeds a bound only by rounding is set to
    the bound; each with a note in ``changes``. The argument ``changes`` is SQL of further notes, comma separated, each
    null if nothing was changed. ``item`` becomes the item's text, null without a problem.

    Example, continuing that of ``exploded``: with ``Column("players", "bigint", "Players in the game.", "players")``,
    which is read from ``entry.players``, the first row has ``players`` 5. If -5 had been sent, ``players`` would be
    null with a note in ``changes``. With ``nullable=False`` it would be 0, and a row without it has the ``problem``
    "no `players`".
    """
    from pyspark.sql import functions as F

    # As SQL: built from functions, each column takes twenty calls into the JVM.
    columns = table.columns
    found = entries.selectExpr("*", *(f"{c.value} AS `_{c.name}`" for c in columns))
    types = {field.name: field.dataType.simpleString() for field in found.schema}
    readings = [ColumnReading.of(column, types[f"_{column.name}"]) for column in columns]
    read = found.selectExpr("*", *(f"{reading.number} AS `__{reading.name}`" for reading in readings))
    notes = [
        f"if(replaced, '{REPLACED}', null)",
        *([changes] if changes else []),
        *(note for reading in readings for note in reading.notes),
    ]
    faults = [
        *(fault for reading in readings for fault in reading.faults),
        *(
            f"if(_{name} is null, 'no `{name}`', null)"
            for name in (column.name for column in columns if not column.nullable)
        ),
    ]
    rows = read.selectExpr(
        *ORIGIN,
        "item",
        f"coalesce(problem, {', '.join((*faults, 'null'))}) AS problem",
        f"{_listed(notes)} AS changes",
        *(f"{reading.value} AS `{reading.name}`" for reading in readings),
    )
    # A rule over a null is neither true nor false; the column declares whether nulls are allowed, not the rule.
    broken = [f"if(coalesce({rule}, true), null, 'broken rule: {name}')" for name, rule in table.rules.items()]
    ruled = rows.withColumn("problem", F.expr(f"coalesce(problem, {', '.join((*broken, 'null'))})"))
    return ruled.withColumn("item", F.expr(f"if(problem is null, null, {ITEM_TEXT})"))
