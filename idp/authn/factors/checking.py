"""A person's second factors at sign-in: their codes are sent, and what is given is checked (M1-M5).

Called by ``authn.login.answers`` and ``authn.service`` within a login transaction. Setting factors
up is ``authn.factors.enrolment``; what a person does to them on the account page
``authn.factors.own_factors``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from idp.authn.factors.available import available_factors
from idp.authn.factors.codes import Checked, RecoveryCodeService, looks_like_recovery_code
from idp.authn.factors.destinations import Destinations, chosen
from idp.authn.factors.passkeys import PasskeyRefused, Passkeys
from idp.authn.factors.sent_codes import SendRefused, SentCodes
from idp.authn.factors.totp import TotpService
from idp.authn.facts import Proof
from idp.authn.ports import People
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.vocabulary import SENT_FACTORS, Factor
from idp.infra.audit import Audit
from idp.infra.database import transaction
from idp.infra.outbox import Outbox
from idp.infra.throttle import Limit, Throttle, Throttled
from idp.settings import Settings

_DAY = 86400
_DAILY = 10


class WrongCode(Exception):
    """What was given was refused; ``error`` is the code to translate."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Given:
    """What a form brings as proof of a factor, for the transaction or session ``bound_to``."""

    bound_to: str
    ip: str
    code: str = ""
    credential: str = ""
    factor: str = ""
    browser_known: bool = False
    user_agent: str = ""


class FactorStopped(Protocol):
    """Told of a person's factor that so many wrong codes have stopped."""

    def __call__(self, person: Person, factor: Factor, *, ip: str) -> object:
        """Whatever is to follow."""
        ...


class FactorService:
    """Checks second factors and sends their codes.

    ``on_stopped`` is told of a factor that takes no more codes for a while.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        throttle: Throttle,
        outbox: Outbox,
        audit: Audit,
        totp: TotpService,
        recovery_codes: RecoveryCodeService,
        passkeys: Passkeys,
        sent_codes: SentCodes,
        destinations: Destinations,
        people: People,
    ) -> None:
        limits = settings.limits
        self._limit = Limit("second-factor", limits.code_per_account, limits.window)
        self._per_day = Limit("second-factor-day", limits.code_per_account * _DAILY, _DAY)
        self._issuer = settings.issuer
        self.available = available_factors(settings)
        self._clock = clock
        self._throttle = throttle
        self._outbox = outbox
        self._audit = audit
        self._totp = totp
        self._recovery_codes = recovery_codes
        self.passkeys = passkeys
        self._sent_codes = sent_codes
        self._destinations = destinations
        self._people = people
        self.on_stopped: list[FactorStopped] = []

    # Asking

    def destinations(self, person: Person) -> Mapping[Factor, str]:
        """Where a code of each factor would go, masked."""
        found: dict[Factor, str] = {}
        factors = SENT_FACTORS & person.enrolled
        if not factors:
            return found
        rows = self._destinations.list(person.account_id)
        for factor in factors:
            if (destination := chosen(rows, factor)) is not None:
                found[factor] = self._destinations.masked(destination, person.email)
        return found

    def send(
        self, person: Person, factor: Factor, bound_to: str, *, locale: str, again: bool = False
    ) -> None:
        """Send a code to where the person receives them; one on its way there stays good.

        Raises ``SendRefused``.
        """
        destination = self._destinations.find(person.account_id, factor)
        if destination is None:
            raise SendRefused("unavailable")
        address = person.email if factor is Factor.EMAIL else destination.address
        self._sent_codes.send(
            person.account_id,
            factor,
            address,
            bound_to,
            locale=locale,
            given_name=str(person.claims.get("given_name", "")),
            again=again,
        )

    # Checking

    def check(self, person: Person, given: Given, options: Sequence[Factor]) -> Proof:
        """The factor that was given, used up by this.

        A recovery code is known by its shape, so it may be typed into any of the fields. Raises
        ``WrongCode``, ``Throttled``.
        """
        if given.credential and Factor.WEBAUTHN in options:
            return self._check_passkey(person, given)
        if not given.code.strip():
            raise WrongCode("code-required")
        factor = _factor_of(given, options)
        if factor is None:
            raise WrongCode("recovery-code-invalid")
        # Before the check, so that what ends everything during it ends this proof as well.
        at = self._clock.now()
        # Somebody else's wrong codes do not keep a browser out that the person has used before.
        known = "known" if given.browser_known else "other"
        self._count(person, factor, known, given.ip)
        error = self._refusal(person, factor, given)
        if error is not None:
            self._throttle.hit(self._per_day, person.account_id, factor, known)
            with transaction():
                self._record("sign_in.failed", person, given.ip, factor, outcome="failure")
            raise WrongCode(error)
        self._throttle.clear(self._limit, person.account_id, factor, known)
        if factor is Factor.RECOVERY_CODE:
            with transaction():
                self._record("recovery_code.used", person, given.ip)
                self._mail("recovery-code-used", person, given.ip, self._left(person))
            self._people.forget(person.subject)
        return Proof(factor, at)

    def _check_passkey(self, person: Person, given: Given) -> Proof:
        at = self._clock.now()
        try:
            proven = self.passkeys.authenticate(
                given.bound_to, given.credential, account_id=person.account_id, ip=given.ip
            )
        except PasskeyRefused as error:
            raise WrongCode(error.code) from error
        return Proof(Factor.WEBAUTHN, at, verified=proven.verified, synced=proven.synced)

    def _count(self, person: Person, factor: Factor, known: str, ip: str) -> None:
        """One more try; the one that stops the factor is told to whoever wants to know."""
        try:
            counted = (person.account_id, factor, known)
            self._throttle.admit((self._limit, *counted), (self._per_day, *counted))
        except Throttled:
            for told in self.on_stopped:
                told(person, factor, ip=ip)
            raise

    def _refusal(self, person: Person, factor: Factor, given: Given) -> str | None:
        account_id = person.account_id
        if factor is Factor.RECOVERY_CODE:
            used = self._recovery_codes.use(account_id, given.code)
            return None if used else "recovery-code-invalid"
        if factor is Factor.TOTP:
            return TOTP_ERRORS[self._totp.check(account_id, given.code)]
        return SENT_ERRORS[self._check_sent(person, factor, given)]

    def _check_sent(self, person: Person, factor: Factor, given: Given) -> Checked:
        """A code counts while the place it was sent to is still the person's."""
        account_id = person.account_id
        address = self._sent_codes.sent_to(account_id, factor, given.bound_to)
        places = {
            person.email if row.channel == "email" else row.address: row.id
            for row in self._destinations.list(account_id)
        }
        if address not in places:
            return "expired"
        checked = self._sent_codes.check(
            account_id, factor, given.bound_to, given.code, address=address
        )
        if checked == "right":
            self._destinations.mark_used(places[address])
        return checked

    def _left(self, person: Person) -> dict[str, Any]:
        return {"left": self._recovery_codes.left(person.account_id)}

    def _record(
        self,
        event: str,
        person: Person,
        ip: str,
        factor: Factor | None = None,
        outcome: str = "success",
    ) -> None:
        self._audit.record(
            event,
            category="sign-in" if event == "sign_in.failed" else "factors",
            actor=person.subject,
            subject=person.subject,
            ip=ip,
            outcome=outcome,
            detail={"factor": factor} if factor else None,
        )

    def _mail(self, name: str, person: Person, ip: str, more: Mapping[str, Any]) -> None:
        context = {
            "given_name": str(person.claims.get("given_name", "")),
            "link": f"{self._issuer}/account",
            "ip": ip,
            **more,
        }
        self._outbox.mail(person.email, name, person.locale, context)


TOTP_ERRORS: Mapping[str, str | None] = {
    "right": None,
    "wrong": "code-invalid",
    "used": "code-used",
}
SENT_ERRORS: Mapping[str, str | None] = {
    "right": None,
    "wrong": "sent-code-invalid",
    "expired": "code-expired",
}


def _factor_of(given: Given, options: Sequence[Factor]) -> Factor | None:
    """Which factor a code is meant for: by its shape, else the one that was asked for."""
    if looks_like_recovery_code(given.code) and Factor.RECOVERY_CODE in options:
        return Factor.RECOVERY_CODE
    typed = [factor for factor in options if factor is not Factor.WEBAUTHN]
    asked = next((factor for factor in typed if factor == given.factor), None)
    return asked or (typed[0] if typed else None)
