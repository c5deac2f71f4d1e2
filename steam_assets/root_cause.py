"""Why something failed, as one line of the many that Spark, Java and Dagster say about it.

Belongs here: finding that line. Does not belong here: showing it (commands/diagnostics.py), hiding secrets in it.
"""

from __future__ import annotations

import re

_CAUSED_BY = re.compile(r"^\s*Caused by: (.+)$", re.MULTILINE)
_FROM_JAVA = re.compile(r"^: ((?:[a-z]\w*\.)+[A-Z].*)$", re.MULTILINE)
_CLASS = re.compile(r"^(?:[a-z_]\w*\.)+([A-Z]\w*)(?::\s+|$)")
_SAYS_NOTHING = re.compile(r"^(?:[\w.]*(?:Error|Exception))?:?$")


def root_cause(text: str) -> str:
    """The line of an error's text that says why: Java's last ``Caused by``, else the first line that says anything.

    The package in front of an exception's class goes; empty if the text says nothing.
    """
    causes = [cause for cause in _CAUSED_BY.findall(text) if not _SAYS_NOTHING.match(cause.strip())]
    if causes:
        return _without_package(causes[-1])
    if java := _FROM_JAVA.search(text):
        return _without_package(java[1])
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _without_package(next((line for line in lines if not _SAYS_NOTHING.match(line)), lines[0] if lines else ""))


def _without_package(line: str) -> str:
    return _CLASS.sub(r"\1: ", line.strip()).rstrip(": ")
