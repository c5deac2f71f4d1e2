"""A sensor's cursor, which anybody may edit in the Dagster UI.

Belongs here: reading one that may be anything. Does not belong here: what a cursor holds (the sensors' modules).
"""

from __future__ import annotations

from typing import TypeVar

import dagster as dg
from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


def cursor_of(context: dg.SensorEvaluationContext, kind: TypeAdapter[T]) -> T | None:
    """The sensor's cursor, a JSON text of ``kind``; None if it has none yet.

    For any other text it logs a warning and returns None: the sensor starts over, instead of failing at every tick.
    """
    if not context.cursor:
        return None
    try:
        return kind.validate_json(context.cursor)
    except ValidationError:
        context.log.warning("the cursor is not one that this sensor stored; it starts over, as if it had none")
        return None
