"""The old pipeline's folders of 2023: reading its CSV and JSON, and bringing them in as raw data of their own dates.

Belongs here: the layouts of those files (layouts.py and one module a kind of file), the import (importing.py).
Does not belong here: the sources as they are asked today (sources/), cleaning (lake/).
"""
