"""Mail as people get it: a real SMTP server, and the in-app outbox of a provider without one."""

from __future__ import annotations

import email
import email.policy
import re
import threading
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.support.net import free_port, wait_for


class Mail:
    """One message received."""

    def __init__(self, to: list[str], message: EmailMessage) -> None:
        self.to = to
        self.message = message
        self.subject = str(message["Subject"])
        body = message.get_body(("plain",))
        html = message.get_body(("html",))
        self.text = str(body.get_content()) if body is not None else ""
        self.html = str(html.get_content()) if html is not None else ""

    def link(self, containing: str = "http") -> str:
        """The first address in the text that holds this."""
        for found in re.findall(r"https?://[^\s<>\"]+", self.text):
            if containing in found:
                return found.rstrip(".,)")
        raise AssertionError(f"no link with {containing!r} in: {self.text}")

    @property
    def code(self) -> str:
        """The one-time code in the text."""
        found = re.search(r"(?<!\d)(\d{3}[ ]?\d{3}|\d{8})(?!\d)", self.text)
        assert found, f"no code in: {self.text}"
        return found[1].replace(" ", "")


class Mailbox:
    """A local SMTP server that keeps everything; it can be told to refuse, or be away."""

    def __init__(self) -> None:
        self.port = free_port()
        self.refusing = False
        self._mails: list[Mail] = []
        self._lock = threading.Lock()
        self._controller: Controller | None = None
        self.open()

    @property
    def url(self) -> str:
        """The setting for this server."""
        return f"smtp://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def close(self) -> None:
        """Be away."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusing:
            return "451 try again later"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        with self._lock:
            self._mails.append(Mail(list(envelope.rcpt_tos), message))
        return "250 kept"

    def to(self, address: str) -> list[Mail]:
        """What this address got, oldest first."""
        with self._lock:
            return [mail for mail in self._mails if address.lower() in [t.lower() for t in mail.to]]

    def wait(self, address: str, count: int = 1, *, seconds: float = 60) -> Mail:
        """The ``count``-th mail to this address."""
        return wait_for(
            f"mail {count} to {address}",
            lambda: self.to(address)[count - 1] if len(self.to(address)) >= count else None,
            seconds=seconds,
        )

    def link(self, address: str, containing: str, count: int = 1, *, seconds: float = 60) -> str:
        """The link in the ``count``-th mail to this address that has one like this."""

        def found() -> str | None:
            links = [m.link(containing) for m in self.to(address) if containing in m.text]
            return links[count - 1] if len(links) >= count else None

        return wait_for(f"link {count} with {containing} for {address}", found, seconds=seconds)

    def __len__(self) -> int:
        with self._lock:
            return len(self._mails)
