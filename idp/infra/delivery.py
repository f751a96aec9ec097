"""How a queued message leaves: by SMTP, into the in-app outbox, or as a logout notice.

``infra.delivery_worker`` calls these. Each raises :class:`NotDelivered` when it did not succeed,
saying whether another try could.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from sqlalchemy import select

from idp.core.clock import Clock
from idp.infra.database import db
from idp.infra.outbound import Outbound, OutboundFailed, OutboundRefused
from idp.infra.outbox import Delivery
from idp.settings import MailSettings, OutboundSettings

if TYPE_CHECKING:
    import smtplib
    from email.message import EmailMessage

SMTP_SECONDS = 20.0


class NotDelivered(Exception):
    """It was not delivered; ``final`` when trying again is pointless."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class Rendered(Protocol):
    """A mail as the templates make it."""

    @property
    def subject(self) -> str:
        """The subject line."""
        ...

    @property
    def text(self) -> str:
        """The plain part."""
        ...

    @property
    def html(self) -> str:
        """The HTML part."""
        ...

    @property
    def reply_to(self) -> str:
        """Whose address an answer goes to; empty: nobody's."""
        ...


RenderMail = Callable[[str, str, Mapping[str, Any]], Rendered]


class Mailer(Protocol):
    """Delivers one mail."""

    keeps: bool
    """Whether what was delivered stays readable in the in-app outbox."""

    def send(self, delivery_id: str, to: str, mail: Rendered) -> None:
        """Deliver it; raises :class:`NotDelivered`."""
        ...


class OutboxMailer:
    """Keeps mail instead of sending it, for ``/dev/outbox`` on a loopback issuer."""

    keeps = True

    def send(self, delivery_id: str, to: str, mail: Rendered) -> None:
        """Nothing to do: the worker keeps what was rendered."""


class SmtpMailer:
    """Hands mail to the operator's SMTP server; TLS whenever the server offers it."""

    keeps = False

    def __init__(self, settings: MailSettings, outbound: OutboundSettings, clock: Clock) -> None:
        parts = urlsplit(settings.smtp_url or "")
        self._tls = ssl.create_default_context(
            cafile=str(outbound.ca_bundle) if outbound.ca_bundle else None
        )
        self._implicit = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (465 if self._implicit else 25)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = settings.sender
        self._clock = clock

    def send(self, delivery_id: str, to: str, mail: Rendered) -> None:
        """Deliver to the server; a permanent refusal is final (RFC 5321 §4.2.1)."""
        # What makes and sends mail is imported where it is used: only the delivery worker does.
        import smtplib

        try:
            message = self._message(delivery_id, to, mail)
            with self._connect() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise NotDelivered("recipient refused", final=min(codes, default=400) >= 500) from error
        except smtplib.SMTPResponseException as error:
            # A refused login or sender is the operator's to mend: keep trying meanwhile.
            final = isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
            raise NotDelivered(f"SMTP {error.smtp_code}", final=final) from error
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(f"SMTP: {type(error).__name__}") from error
        except ValueError as error:
            raise NotDelivered("the address or subject is not valid", final=True) from error

    def _connect(self) -> "smtplib.SMTP":
        import smtplib

        if self._implicit:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=SMTP_SECONDS, context=self._tls
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=SMTP_SECONDS)
        try:
            server.ehlo_or_helo_if_needed()
            if not self._implicit and server.has_extn("starttls"):
                server.starttls(context=self._tls)
                server.ehlo()
            if self._user:
                if not self._implicit and not isinstance(server.sock, ssl.SSLSocket):
                    self._refuse_clear_text()
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _refuse_clear_text(self) -> None:
        if self._host not in ("localhost", "127.0.0.1", "::1"):
            raise NotDelivered("the server offers no TLS; the password is not sent in the clear")

    def _message(self, delivery_id: str, to: str, mail: Rendered) -> "EmailMessage":
        from email.headerregistry import Address
        from email.message import EmailMessage
        from email.policy import SMTP
        from email.utils import format_datetime, getaddresses

        message = EmailMessage(policy=SMTP)
        name, address = getaddresses([self._sender])[0]
        message["From"] = Address(display_name=name, addr_spec=address)
        message["To"] = Address(addr_spec=to)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(self._clock.now())
        # The same at each attempt, so that a mail sent twice can be known as one.
        message["Message-ID"] = f"<{delivery_id}@{address.rpartition('@')[2] or 'localhost'}>"
        if mail.reply_to:
            message["Reply-To"] = Address(addr_spec=mail.reply_to)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message


class LogoutNotifier:
    """Posts a logout token to a client (OIDC Back-Channel Logout §2.5, §2.8)."""

    def __init__(self, outbound: Outbound, sign: Callable[[Mapping[str, Any]], str]) -> None:
        self._outbound = outbound
        self._sign = sign

    def send(self, payload: Mapping[str, Any]) -> None:
        """Post it; raises :class:`NotDelivered`."""
        token = payload["logout_token"]
        if not isinstance(token, str):
            token = self._sign(token)
        try:
            response = self._outbound.post_form(payload["uri"], {"logout_token": token})
        except OutboundRefused as error:
            raise NotDelivered(str(error), final=True) from error
        except OutboundFailed as error:
            raise NotDelivered(str(error)) from error
        if response.status not in (200, 204):
            final = 400 <= response.status < 500 and response.status not in (408, 425, 429)
            raise NotDelivered(f"the client answered {response.status}", final=final)


@dataclass(frozen=True, slots=True)
class KeptMail:
    """A mail, text message or call in the in-app outbox; ``kind`` is the delivery's."""

    id: str
    kind: str
    at: datetime
    name: str
    to: str
    locale: str
    subject: str
    text: str
    html: str


def list_kept_mail(limit: int = 50) -> list[KeptMail]:
    """What the in-app outbox holds, the newest first."""
    query = (
        select(Delivery)
        .where(Delivery.kind.in_(("mail", "sms", "voice")), Delivery.done_at.is_not(None))
        .order_by(Delivery.created_at.desc(), Delivery.id)
        .limit(limit)
    )
    return [
        KeptMail(
            row.id,
            row.kind,
            row.created_at,
            row.payload.get("name", ""),
            row.payload["to"],
            row.payload["locale"],
            row.payload.get("subject", ""),
            row.payload["text"],
            row.payload.get("html", ""),
        )
        for row in db.session.scalars(query)
        if "text" in row.payload
    ]
