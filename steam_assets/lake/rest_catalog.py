"""pyiceberg's REST catalog, with a time limit and retries.

Belongs here: the HTTP session of the catalog's client. Does not belong here: its address and credentials (catalogs.py).
"""

from __future__ import annotations

from typing import Any

from pyiceberg.catalog.rest import RestCatalog
from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from steam_assets.outages import Unavailable

CONTACT_SECONDS, ANSWER_SECONDS = 5.0, 60.0
RETRIES = Retry(
    4,
    # A request whose response never came may have been carried out; repeating a commit would fail as a conflict.
    allowed_methods=("GET", "HEAD"),
    status_forcelist=(429, 502, 503, 504),
    backoff_factor=0.5,
    raise_on_status=False,
)


class PatientRestCatalog(RestCatalog):
    """Its requests end after a minute; those that only read are repeated if the service is busy."""

    def _create_session(self) -> Session:
        session = super()._create_session()
        for scheme in ("http://", "https://"):
            # Signed requests have an adapter of their own, for the catalog's address.
            session.mount(scheme, _Limited(max_retries=RETRIES))
        return session


class _Limited(HTTPAdapter):
    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: dict[str, str] | None = None,
    ) -> Response:
        """Send a request. Raises Unavailable if there is no response in time, or a web page instead."""
        try:
            response = super().send(
                request, stream, timeout or (CONTACT_SECONDS, ANSWER_SECONDS), verify, cert, proxies
            )
        except RequestException as error:
            raise Unavailable(
                f"the REST catalog does not respond ({type(error).__name__}); start it, or correct "
                "STEAM_ICEBERG_CATALOG_URI"
            ) from error
        if response.ok and "html" in response.headers.get("Content-Type", ""):
            raise Unavailable("a web server responds instead of the REST catalog; correct STEAM_ICEBERG_CATALOG_URI")
        return response
