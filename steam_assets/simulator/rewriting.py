"""Rewriting a JSON response for a fault: other fields, other values.

Belongs here: changing the body of a reply. Does not belong here: when that happens (faults.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import cast

from steam_assets.simulator.backend import encode
from steam_assets.simulator.delivery import JSON_TYPE, Reply
from steam_assets.simulator.request_parameters import Json

MISSING = ""
"""Instead of a literal: remove the field."""


def change_response(reply: Reply, change: Callable[[Json], None]) -> Reply:
    """The reply with ``change`` applied to its ``response`` object; unchanged if it has none."""
    if reply.content_type != JSON_TYPE:
        return reply
    message = _message(reply)
    response = message.get("response")
    if not isinstance(response, dict):
        return reply
    change(cast(Json, response))
    return replace(reply, body=encode(message))


def change_field(reply: Reply, field: str, literal: str, every: int, rename_to: str | None) -> Reply:
    """The reply with each ``every``-th ``field``, at any depth, renamed or set to ``literal`` (JSON).

    A reply that is not JSON is unchanged.
    """
    if reply.content_type != JSON_TYPE:
        return reply
    message = _message(reply)
    marks: dict[str, str] = {}
    for number, holder in enumerate(list(_holders(message, field))[every - 1 :: every]):
        value = holder.pop(field)
        if rename_to is not None:
            holder[rename_to] = value
        elif literal != MISSING:
            # The literal may be invalid JSON, so it is inserted only into the serialized text.
            mark = f"\ufffe{number}\ufffe"
            holder[field], marks[f'"{mark}"'] = mark, literal
    text = encode(message).decode()
    for mark, literal in marks.items():
        text = text.replace(mark, literal, 1)
    return replace(reply, body=text.encode())


def _message(reply: Reply) -> Json:
    loaded: object = json.loads(reply.body)
    return cast(Json, loaded) if isinstance(loaded, dict) else {}


def _holders(node: object, field: str) -> Iterator[Json]:
    if isinstance(node, dict):
        holder = cast(Json, node)
        if field in holder:
            yield holder
        for value in list(holder.values()):
            yield from _holders(value, field)
    elif isinstance(node, list):
        for value in cast(list[object], node):
            yield from _holders(value, field)
