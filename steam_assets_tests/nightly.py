"""Which members of a parametrized test run only at night, because others of their kind run for each change.

Belongs here: marking members. Does not belong here: what runs when (lanes.py, .ci/run).

A whole test is marked by ``@pytest.mark.nightly``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import pytest
from _pytest.mark import ParameterSet

T = TypeVar("T")


def rest_nightly(members: Iterable[T], *, kept: int = 1, several: bool = False) -> list[T | ParameterSet]:
    """Members for ``parametrize``: the first ``kept`` run for each change, the others at night.

    ``several``: a member is a tuple of the values of several arguments.
    """
    nightly = pytest.mark.nightly
    return [
        one if n < kept else pytest.param(*(one if several and isinstance(one, tuple) else (one,)), marks=nightly)
        for n, one in enumerate(members)
    ]
