"""Rewriting a JSON response for a fault: other fields, other values.

Belongs here: changing the body of a reply. Does not belong here: when that happens (faults.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

from steam_assets.simulator.backend import encode
from steam_assets.simulator.delivery import Reply
from steam_assets.simulator.request_parameters import Json


def change_response(reply: Reply, change: Callable[[Json], Json]) -> Reply:
    """The reply with ``change`` applied to its ``response`` object."""
    message: dict[str, Json] = json.loads(reply.body)
    return replace(reply, body=encode(message | {"response": change(message["response"])}))


def each_object(reply: Reply, change: Callable[[Json], Json]) -> Reply:
    """The reply with ``change`` applied to each object in it, the inner ones first."""
    return replace(reply, body=encode(json.loads(reply.body, object_hook=change)))


def replace_field(reply: Reply, field: str, literal: str, every: int) -> Reply:
    """The reply with each ``every``-th ``field``, at any depth, set to ``literal`` (JSON, or what should be)."""
    message: Json = json.loads(reply.body)
    # The literal may be invalid JSON, so it is inserted only into the serialized text.
    mark = "\ufffe"
    for holder in list(_holders(message, field))[every - 1 :: every]:
        holder[field] = mark
    return replace(reply, body=encode(message).decode().replace(f'"{mark}"', literal).encode())


def _holders(node: object, field: str) -> Iterator[Json]:
    if isinstance(node, dict):
        if field in node:
            yield node
        for value in node.values():
            yield from _holders(value, field)
    elif isinstance(node, list):
        for value in node:
            yield from _holders(value, field)
