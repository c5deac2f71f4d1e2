from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

Schema = str | list[object] | dict[str, object]

class reader:
    metadata: dict[str, str]
    writer_schema: Schema | None
    def __init__(self, fo: BinaryIO) -> None: ...
    def __iter__(self) -> Iterator[object]: ...

def writer(
    fo: BinaryIO,
    schema: Schema,
    records: Iterable[object],
    codec: str = ...,
    *,
    metadata: Mapping[str, str] | None = ...,
) -> None: ...
