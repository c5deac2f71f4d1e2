from os import PathLike
from ssl import SSLContext

def create_ssl_context(*, cafile: str | bytes | PathLike[str] | PathLike[bytes] | None = ...) -> SSLContext: ...
