"""The scripted browser and plain ``requests`` against a WSGI application in this process.

No socket, no worker: what a test gains is a clock it can move and thousands of requests a minute.
"""

from __future__ import annotations

from http.client import HTTPMessage
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from werkzeug.test import Client

from tests.support.forms import Browser


class InProcess(BaseAdapter):
    """Hands each request to the application."""

    def __init__(self, app: Any) -> None:
        super().__init__()
        self._client = Client(app, use_cookies=False)
        self._http = HTTPAdapter()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        answer = self._client.open(
            parts.path,
            base_url=f"{parts.scheme}://{parts.netloc}",
            query_string=parts.query,
            method=request.method,
            headers=list(request.headers.items()),
            data=request.body,
            environ_overrides={"REMOTE_ADDR": "127.0.0.1"},
        )
        said = HTTPMessage()
        for name, value in answer.headers:
            said.add_header(name, value)
        raw = HTTPResponse(
            BytesIO(answer.get_data()),
            headers=HTTPHeaderDict(list(answer.headers)),
            status=answer.status_code,
            preload_content=False,
            original_response=_Said(said),  # type: ignore[arg-type]
        )
        return self._http.build_response(request, raw)

    def close(self) -> None:
        """Nothing is open."""


class _Said:
    """What ``requests`` reads cookies from."""

    def __init__(self, msg: HTTPMessage) -> None:
        self.msg = msg

    def isclosed(self) -> bool:
        return True

    def close(self) -> None: ...


def browser_of(app: Any, issuer: str, **more: Any) -> Browser:
    """A browser at the application's door."""
    browser = Browser(issuer, **more)
    browser.session.mount(issuer, InProcess(app))
    return browser
