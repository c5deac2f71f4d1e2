"""Response bodies made unusable at random: values, structure, text encoding and bytes.

Belongs here: the strategies. Does not belong here: what is done with the bodies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**63, -(2**63) - 1, 10**30]),
    st.floats(allow_nan=False),
    st.text(st.characters(), max_size=30),
    st.sampled_from(["\ud800", "a\x00b", "\u202eabc", "NaN", "[b]", "<script>", "' or 1=1 --", "../../x", "=1+1"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
Path = tuple[str | int, ...]


def malformed(good: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Each of ``good`` with a random change, and some bodies that were never valid."""
    bodies = st.sampled_from(good)
    parsed = st.sampled_from([json.loads(body) for body in good])
    of_structure = [st.builds(_changed, parsed, st.integers(0, 2**20), VALUES, st.just(how)) for how in CHANGES]
    of_bytes = [
        st.builds(_cut, bodies, st.floats(0, 1)),
        st.builds(_spliced, bodies, st.floats(0, 1), st.floats(0, 1), st.binary(max_size=20)),
        st.builds(lambda body, encoding: body.decode().encode(encoding, "replace"), bodies, ENCODINGS),
    ]
    return st.one_of(*of_structure, *of_bytes, VALUES.map(_text), st.binary(max_size=200))


ENCODINGS = st.sampled_from(["utf-16", "utf-32", "cp1252", "utf-8-sig", "shift_jis"])


def _cut(body: bytes, share: float) -> bytes:
    return body[: int(share * len(body))]


def _spliced(body: bytes, first: float, second: float, between: bytes) -> bytes:
    start, end = sorted(int(share * len(body)) for share in (first, second))
    return body[:start] + between + body[end if end - start < 200 else start + 1 :]


def _changed(body: Any, choice: int, value: Any, how: Callable[[Any, str | int, Any], None]) -> bytes:
    places = list(_places(body))
    if not places:
        return _text(value)
    *path, last = places[choice % len(places)]
    changed = inner = deepcopy(body)
    for name in path:
        inner = inner[name]
    how(inner, last, value)
    return _text(changed)


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in pairs:
        yield (*path, name)
        yield from _places(child, (*path, name))


def _put(inner: Any, name: str | int, value: Any) -> None:
    inner[name] = value


def _remove(inner: Any, name: str | int, _: Any) -> None:
    del inner[name]


def _rename(inner: Any, name: str | int, _: Any) -> None:
    value = inner[name]
    if isinstance(inner, dict):
        del inner[name]
        inner[f"{name}_"] = value
    else:
        inner[name] = {"0": value}


def _repeat(inner: Any, name: str | int, _: Any) -> None:
    if isinstance(inner, list):
        inner.append(deepcopy(inner[int(name)]))
    else:
        inner[name] = [inner[name], inner[name]]


CHANGES = (_put, _put, _put, _remove, _rename, _repeat)
"""Changes to the value at a random place."""
