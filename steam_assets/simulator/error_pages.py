"""HTML pages that the services send instead of JSON.

Belongs here: HTML of errors. Does not belong here: when they are sent.
"""

from __future__ import annotations

NOT_FOUND = b"<html><head><title>Not Found</title></head><body><h1>Not Found</h1></body></html>"

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

SERVER_ERROR = (
    b"<html>\r\n<head><title>503 Service Unavailable</title></head>\r\n<body>\r\n"
    b"<center><h1>503 Service Unavailable</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
