"""The old pipeline's folders of 2023: reading its CSV and JSON, and importing them as raw data under their own dates.

Belongs here: the layouts of those files (layouts.py and one module per kind of file), the import (importing.py).
Does not belong here: today's sources (sources/), cleaning (spark/).
"""
