"""Extract the one line that explains a failure from the many that Spark, Java and Dagster print.

Belongs here: finding that line. Does not belong here: showing it (commands/diagnostics.py), masking secrets in it.
"""

from __future__ import annotations

import re

_CAUSED_BY = re.compile(r"^\s*Caused by: (.+)$", re.MULTILINE)
_FROM_JAVA = re.compile(r"^: ((?:[a-z]\w*\.)+[A-Z].*)$", re.MULTILINE)
_OWN_CLASS = re.compile(r"^(?:steam_assets\.[\w.]+):\s+")
_CLASS = re.compile(r"^(?:[a-z_]\w*\.)+([A-Z]\w*)(?::\s+|$)")
_SAYS_NOTHING = re.compile(r"^(?:[\w.]*(?:Error|Exception))?:?$")


def root_cause(text: str) -> str:
    """The line of an error text that states the cause: Java's last ``Caused by``, else the first informative line.

    The package name before an exception's class is removed; of our own exceptions, whose messages say everything, the
    class, too. Empty if no line is informative.
    """
    causes = [cause for cause in _CAUSED_BY.findall(text) if not _SAYS_NOTHING.match(cause.strip())]
    if causes:
        return _without_package(causes[-1])
    if java := _FROM_JAVA.search(text):
        return _without_package(java[1])
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _without_package(next((line for line in lines if not _SAYS_NOTHING.match(line)), lines[0] if lines else ""))


def _without_package(line: str) -> str:
    return _CLASS.sub(r"\1: ", _OWN_CLASS.sub("", line.strip())).rstrip(": ")
