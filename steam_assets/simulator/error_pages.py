"""HTML pages that the services send instead of JSON.

Belongs here: HTML of errors. Does not belong here: when they are sent.
"""

from __future__ import annotations

from http import HTTPStatus

TOO_MANY_REQUESTS = (
    b"<html>\n<head>\n<title>429 Too Many Requests</title>\n</head>\n"
    b"<body>\n<h1>Too Many Requests</h1>\n</body>\n</html>\n"
)

ACCESS_DENIED = (
    b"<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n \n"
    b"You don't have permission to access this page on this server.<P>\n"
    b"Reference&#32;&#35;18&#46;4f1c2117&#46;1790726400&#46;2b6a91\n</BODY>\n</HTML>\n"
)

MAINTENANCE = (
    b"<!DOCTYPE html><html><head><title>Steam is down for maintenance</title></head><body>"
    b"<h1>We'll be right back</h1><p>The service is unavailable for a short time.</p></body></html>"
)


def server_error(status: int) -> bytes:
    """The web server's own error page."""
    name = f"{status} {HTTPStatus(status).phrase}"
    page = (
        f"<html>\r\n<head><title>{name}</title></head>\r\n<body>\r\n<center><h1>{name}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return page.encode()


def api_error(title: str, text: str) -> bytes:
    """An error page of the API. ``title`` and ``text`` are not escaped: never pass request data."""
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1>{text}</body></html>".encode()
