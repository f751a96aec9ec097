"""A browser in front of one product: follows redirects to the fake provider and back."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from werkzeug.test import TestResponse


class Visitor:
    def __init__(self, app: Flask, name: str) -> None:
        self.app = app
        self.base = f"http://{name}.localhost"
        self.client = app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, base_url=self.base, **options)

    def post(self, path: str, data: dict[str, str], **options: Any) -> TestResponse:
        return self.client.post(path, base_url=self.base, data=data, **options)

    def open(self, path: str, **options: Any) -> TestResponse:
        """The page behind the path, wherever that leads."""
        return self.follow(self.get(path, **options))

    def follow(self, response: TestResponse) -> TestResponse:
        for _ in range(8):
            if response.status_code not in (302, 303):
                return response
            target = response.headers["Location"]
            if target.startswith(("http://localhost:", "http://127.0.0.1:")):
                target = self.at_provider(target)
            parts = urlsplit(target)
            response = self.get(f"{parts.path}?{parts.query}" if parts.query else parts.path)
        raise AssertionError("too many redirects")

    @staticmethod
    def at_provider(url: str) -> str:
        """Where the provider sends the browser."""
        answer = requests.get(url, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def sign_out(self, origin: str | None = None) -> TestResponse:
        """Press the button of the page."""
        token = re.search(r'name="form_token" value="([^"]+)"', self.get("/").text)
        assert token is not None
        return self.post(
            "/logout", {"form_token": token[1]}, headers={"Origin": origin or self.base}
        )
