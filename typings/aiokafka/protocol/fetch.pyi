from collections.abc import Sequence

class FetchRequest:
    def __init__(
        self,
        max_wait_time: int,
        min_bytes: int,
        max_bytes: int,
        isolation_level: int,
        topics: Sequence[tuple[str, Sequence[tuple[int, int, int]]]],
    ) -> None: ...

class FetchResponse:
    # A partition: number, error code, high watermark, last stable offset, what depends on the version, stored bytes.
    topics: Sequence[tuple[str, Sequence[tuple[int, int, int, int, *tuple[object, ...], bytes | None]]]]
