"""Codes that are sent as a second factor or to prove a number: SMS, voice call, e-mail (M3).

Called at sign-in, at forced enrolment and by the account page. A code is for one account, factor
and purpose; another one for the same is its end. Every message costs somebody something, so there
are caps for whom it goes to, for the account that asks, and for the installation as a whole; half
of that last one is kept for signing in.
"""

import logging
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import select

from idp.accounts.models import Account
from idp.accounts.phone_number import InvalidPhoneNumber, can_receive_texts, check_callable
from idp.authn.factors.available import available_factors
from idp.authn.factors.codes import Checked, DigitCodes
from idp.authn.factors.destinations import masked_address
from idp.core.clock import Clock
from idp.core.randomness import Randomness, digest
from idp.core.vocabulary import SENT_FACTORS, Factor
from idp.infra.audit import Audit
from idp.infra.database import db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.infra.phone_messages import spoken_message, text_message
from idp.infra.sealing import Sealer
from idp.infra.throttle import Limit, Throttle, Throttled
from idp.settings import Settings

log = logging.getLogger(__name__)

PAUSE = 60
"""Seconds between two codes for the same."""
PHONE_LIFETIME = 300
"""Seconds that a code sent to a telephone is good for."""
_HOUR, _DAY = 3600, 86400


class SendRefused(Exception):
    """No code was sent; ``code`` is what to translate, ``retry_after`` is in seconds (0: never).

    ``resend-too-soon``, ``too-many-codes``, ``unavailable``, ``phone-invalid``, ``phone-refused``
    (premium and the like), ``phone-no-texts`` (a landline: only a call reaches it).
    """

    def __init__(self, code: str, retry_after: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class SentCodes:
    """Sends and checks them."""

    def __init__(
        self,
        settings: Settings,
        store: EphemeralStore,
        randomness: Randomness,
        sealer: Sealer,
        clock: Clock,
        throttle: Throttle,
        outbox: Outbox,
        audit: Audit,
    ) -> None:
        limits = settings.limits
        self._per_hour = Limit("codes-destination-hour", limits.codes_per_hour, _HOUR)
        self._per_day = Limit("codes-destination-day", limits.codes_per_day, _DAY)
        self._per_account = Limit("codes-account-day", limits.codes_per_day, _DAY)
        self._phone_per_day = Limit("codes-phone-day", limits.phone_per_day, _DAY)
        half = max(1, limits.phone_per_day // 2)
        self._set_up_per_day = Limit("codes-phone-set-up-day", half, _DAY)
        self._available = available_factors(settings) & SENT_FACTORS
        self._mail_lifetime = settings.lifetimes.email_code
        self._issuer = settings.issuer
        self._store = store
        self._codes = DigitCodes("sentcode", store, randomness, sealer)
        self._clock = clock
        self._throttle = throttle
        self._outbox = outbox
        self._audit = audit

    def send(
        self,
        account_id: str,
        factor: Factor,
        address: str,
        purpose: str,
        *,
        locale: str,
        given_name: str = "",
        again: bool = False,
        unproven: bool = False,
    ) -> None:
        """Send a new code to a number in E.164 form or an e-mail address.

        A code for the same that is on its way there stays good and nothing is sent, unless
        ``again``: the person asks for another. ``purpose`` names what it is for: a login
        transaction, a session's enrolment. ``unproven``: nobody has shown yet that they read what
        is sent there; it is counted by itself, so that a stranger who names a number of somebody
        else's, or many, keeps nobody from signing in. Raises :class:`SendRefused`.
        """
        self._check_address(factor, address)
        of = _name(account_id, factor, purpose)
        if not again and self._codes.sent_to(of) == address:
            return
        pause = f"sentcode-pause:{of}:{digest(address)}"
        if not self._store.put(pause, b"1", PAUSE, only_new=True):
            left = int(self._store.batch().remaining(pause).run()[0])
            raise SendRefused("resend-too-soon", max(1, left))
        try:
            self._count(account_id, factor, address, "set-up" if unproven else "sign-in")
        except SendRefused:
            self._store.delete(pause)
            raise
        self._dispatch(account_id, factor, address, of, locale, given_name)

    def sent_to(self, account_id: str, factor: Factor, purpose: str) -> str:
        """The address that a code for this is on its way to; empty where there is none."""
        return self._codes.sent_to(_name(account_id, factor, purpose))

    def check(
        self, account_id: str, factor: Factor, purpose: str, code: str, *, address: str = ""
    ) -> Checked:
        """Use the code up: ``right`` for one caller; ``expired`` also after five wrong tries.

        ``address``: only a code that was sent there counts. Give it wherever an address is about
        to be confirmed, else a code for another one would do.
        """
        return self._codes.check(_name(account_id, factor, purpose), code, address)

    def _check_address(self, factor: Factor, address: str) -> None:
        if factor not in self._available or not address:
            raise SendRefused("unavailable")
        if factor is Factor.EMAIL:
            return
        try:
            check_callable(address)
        except InvalidPhoneNumber as error:
            raise SendRefused(error.code) from error
        if factor is Factor.SMS and not can_receive_texts(address):
            raise SendRefused("phone-no-texts")

    def _count(self, account_id: str, factor: Factor, address: str, reason: str) -> None:
        """Count this message; the account's own cap first, so that it uses up nobody else's."""
        try:
            self._throttle.attempt(self._per_account, account_id)
            self._throttle.attempt(self._per_hour, address, reason)
            self._throttle.attempt(self._per_day, address, reason)
        except Throttled as error:
            raise SendRefused("too-many-codes", error.retry_after) from error
        if factor is Factor.EMAIL:
            return
        try:
            if reason == "set-up":
                self._throttle.attempt(self._set_up_per_day)
            self._throttle.attempt(self._phone_per_day)
        except Throttled as error:
            log.error("IDP_LIMIT_PHONE_DAY is reached: no codes by text message or call")
            raise SendRefused("unavailable", error.retry_after) from error

    def _dispatch(
        self, account_id: str, factor: Factor, address: str, of: str, locale: str, given_name: str
    ) -> None:
        lifetime = self._mail_lifetime if factor is Factor.EMAIL else PHONE_LIFETIME
        code = self._codes.issue(of, lifetime, address)
        expires_at = self._clock.now() + timedelta(seconds=lifetime)
        minutes = lifetime // 60
        with transaction():
            if factor is Factor.SMS:
                host = urlsplit(self._issuer).hostname or ""
                text = text_message(code, locale, minutes, host)
                self._outbox.sms(address, text, expires_at)
            elif factor is Factor.VOICE:
                self._outbox.voice(address, spoken_message(code, locale), locale, expires_at)
            else:
                context = {
                    "code": code,
                    "minutes": minutes,
                    "given_name": given_name,
                    "link": f"{self._issuer}/password/forgot",
                }
                self._outbox.mail(address, "sign-in-code", locale, context)
            subject = db.session.scalar(select(Account.subject).where(Account.id == account_id))
            self._audit.record(
                "code.sent",
                category="sign-in",
                subject=subject,
                detail={"factor": factor, "to": masked_address(address)},
            )


def _name(account_id: str, factor: Factor, purpose: str) -> str:
    return f"{account_id}:{factor}:{purpose}"
