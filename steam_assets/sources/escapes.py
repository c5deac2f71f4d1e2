r"""Characters that no text can have: escapes such as ``\u0000`` in a JSON body, and U+FFFD that stands for others.

Belongs here: finding them on arrival, replacing them during cleaning. Does not belong here: parsing (json_body.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn

REPLACED = "U+FFFD stands where no valid Unicode text was sent"

# A NUL or half a surrogate pair, written as an escape; an even number of backslashes before it is text.
NO_CHARACTER = (
    r"(?<!\\)((?:\\\\)*+)"
    r"(?:\\u0000"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)

REPLACEMENT = "\ufffd|" + r"\\u[fF]{3}[dD]"
"""U+FFFD, as such or as an escape."""

MAY_LACK_TEXT = re.compile(REPLACEMENT + r"|\\u(?:[dD]|0000)")
"""The same, or an escape that may have no character: most bodies have neither."""


def is_plain(body: str) -> bool:
    """Whether no text of a body needs repair or lacks characters, as far as that is known without parsing it."""
    return ("\ufffd" not in body and r"\u" not in body) or MAY_LACK_TEXT.search(body) is None


def text_of_body() -> SparkColumn:
    """The body as Spark's JSON parser needs it: no byte-order mark, no escapes of invalid characters."""
    from pyspark.sql import functions as F

    body = F.ltrim(F.col("body"), F.lit("\ufeff"))
    return F.when(F.col("plain"), body).otherwise(F.regexp_replace(body, NO_CHARACTER, r"$1\\ufffd"))


def lacks_characters() -> SparkColumn:
    """Whether the ``text`` of a body has U+FFFD, as such or as an escape."""
    from pyspark.sql import functions as F

    return ~F.coalesce("plain", F.lit(False)) & F.col("text").rlike(REPLACEMENT)
