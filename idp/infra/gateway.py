"""How text messages and calls leave: through the operator's gateway, in Twilio's REST form.

``infra.delivery_worker`` calls these. ``IDP_SMS_URL`` is the address of the Messages resource,
``IDP_VOICE_URL`` that of Calls, each with the credentials before its host; what stands in its query
(``From``, ``MessagingServiceSid`` and whatever else the gateway takes) is sent along each time.
"""

import base64
import json
import math
from collections.abc import Mapping
from datetime import timedelta
from html import escape
from typing import Any, Protocol
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from typing_extensions import override

from idp.infra.delivery import NotDelivered
from idp.infra.mail_templates import PRODUCT_NAME
from idp.infra.outbound import Outbound, OutboundFailed, OutboundRefused, Response
from idp.settings import OutboundSettings

_TRY_AGAIN = frozenset({408, 425, 429})
_LANGUAGES = {"de": "de-DE", "en": "en-GB"}
"""What a call is spoken in, as TwiML names it."""


class PhoneGateway(Protocol):
    """Delivers one text message or one call."""

    keeps: bool
    """Whether what was delivered stays readable in the in-app outbox."""

    def send(self, to: str, text: str, locale: str, left: timedelta) -> None:
        """Deliver it to a number in E.164 form; it is of no use once the time left is over.

        Raises :class:`NotDelivered`.
        """
        ...


class OutboxGateway:
    """Keeps what it is given, for ``/dev/outbox`` on a loopback issuer."""

    keeps = True

    def send(self, to: str, text: str, locale: str, left: timedelta) -> None:
        """Nothing to do: the worker keeps it."""


class TwilioGateway:
    """Posts to a resource of Twilio's REST API, or of what speaks it."""

    keeps = False

    def __init__(self, url: str, outbound: OutboundSettings) -> None:
        parts = urlsplit(url)
        # The operator has named this host, so it may be reached wherever it is.
        self._outbound = Outbound(outbound, trusted_host=parts.hostname or "")
        self._headers = {"Accept": "application/json", **_authorization(parts)}
        self._given = dict(parse_qsl(parts.query))
        host = parts.netloc.rpartition("@")[2]
        self._url = parts._replace(netloc=host, query="").geturl()

    def send(self, to: str, text: str, locale: str, left: timedelta) -> None:
        """Post it; a refusal is final, an outage is not."""
        form = {"To": to, **self._form(text, locale, left), **self._given}
        try:
            response = self._outbound.post_form(self._url, form, self._headers)
        except OutboundRefused as error:
            raise NotDelivered(str(error), final=True) from error
        except OutboundFailed as error:
            raise NotDelivered(str(error)) from error
        _check(response)

    def _form(self, text: str, locale: str, left: timedelta) -> dict[str, str]:
        raise NotImplementedError


class TextGateway(TwilioGateway):
    """Text messages (the Messages resource)."""

    @override
    def _form(self, text: str, locale: str, left: timedelta) -> dict[str, str]:
        seconds = min(max(1, math.ceil(left.total_seconds())), 14400)
        form = {"Body": text, "ValidityPeriod": str(seconds)}
        if "MessagingServiceSid" not in self._given:
            form["From"] = PRODUCT_NAME
        return form


class CallGateway(TwilioGateway):
    """Calls (the Calls resource): each paragraph is spoken, with a pause behind it."""

    @override
    def _form(self, text: str, locale: str, left: timedelta) -> dict[str, str]:
        language = _LANGUAGES.get(locale, _LANGUAGES["en"])
        spoken = '<Pause length="2"/>'.join(
            f'<Say language="{language}">{escape(" ".join(part.split()), quote=False)}</Say>'
            for part in text.split("\n\n")
        )
        return {"Twiml": f"<Response>{spoken}</Response>"}


def phone_gateways(
    sms_url: str | None, voice_url: str | None, outbound: OutboundSettings
) -> Mapping[str, PhoneGateway]:
    """What delivers each kind; without an address it is kept, as mail is without a server."""
    return {
        "sms": TextGateway(sms_url, outbound) if sms_url else OutboxGateway(),
        "voice": CallGateway(voice_url, outbound) if voice_url else OutboxGateway(),
    }


def _authorization(parts: SplitResult) -> dict[str, str]:
    """HTTP Basic from the URL's credentials (RFC 7617 §2)."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"}


def _check(response: Response) -> None:
    """Raise :class:`NotDelivered` unless the answer says that the message was taken."""
    status, answer = response.status, _answer(response)
    if status >= 500 or status in _TRY_AGAIN:
        raise NotDelivered(f"the gateway answered {status}")
    if not 200 <= status < 300:
        code = answer.get("code")
        detail = f" ({code})" if isinstance(code, int) else ""
        raise NotDelivered(f"the gateway answered {status}{detail}", final=True)
    if response.headers.get("content-type", "").startswith("text/html"):
        raise NotDelivered("a web page answered, not the gateway")
    if answer.get("status") in ("failed", "undelivered", "canceled"):
        raise NotDelivered(f"the gateway says {answer['status']}", final=True)


def _answer(response: Response) -> Mapping[str, Any]:
    try:
        found = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
