"""Chromium's virtual authenticator (Chrome DevTools Protocol, domain WebAuthn): a device that the
window believes in. ``present`` is the hand on it: while it is there, whatever is asked is answered,
autofill too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.browser import Window


class Device:
    """One authenticator of a window."""

    def __init__(self, window: Window, *, verifies: bool = True, transport: str = "internal"):
        self._cdp = window.context.new_cdp_session(window.page)
        self._cdp.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2",
            "transport": transport,
            "hasResidentKey": True,
            "hasUserVerification": verifies,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": False,
        }
        made = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._me = {"authenticatorId": made["authenticatorId"]}

    def _send(self, command: str, **more: Any) -> dict[str, Any]:
        return dict(self._cdp.send(f"WebAuthn.{command}", self._me | more))

    @contextmanager
    def present(self) -> Iterator[None]:
        """A hand on it."""
        self._send("setAutomaticPresenceSimulation", enabled=True)
        try:
            yield
        finally:
            self._send("setAutomaticPresenceSimulation", enabled=False)

    @property
    def credentials(self) -> list[dict[str, Any]]:
        """What it holds, keys and counters included."""
        return list(self._send("getCredentials")["credentials"])

    def go_back_to(self, credentials: list[dict[str, Any]]) -> None:
        """Be the copy that was made when it held these."""
        self._send("clearCredentials")
        for credential in credentials:
            self._send("addCredential", credential=credential)

    def fail_to_verify(self) -> None:
        """From now on the finger does not match."""
        self._send("setUserVerified", isUserVerified=False)
