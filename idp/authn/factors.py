"""A person's second factors: checked at sign-in, set up, removed and renewed (M1, M4, M8, M12).

Called by ``authn.service`` within a login transaction and by the account page, which asks for a
fresh sign-in first. Every change is audited and mailed in the same unit of work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp.accounts.service import AccountService
from idp.authn.codes import RecoveryCodeService, looks_like_recovery_code
from idp.authn.companies import binds
from idp.authn.devices import RememberedDevices
from idp.authn.ports import People
from idp.authn.totp import TotpService, grouped, otpauth_uri
from idp.core.person import Person
from idp.core.vocabulary import Factor
from idp.infra.audit import Audit
from idp.infra.database import after_commit, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.infra.sealing import Sealer
from idp.infra.throttle import Limit, Throttle
from idp.settings import Settings

_DAY = 86400
_DAILY = 10
_SETUP_SEAL = "authn.totp-setup"


class WrongCode(Exception):
    """The code was refused; ``error`` is the code to translate."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class FactorNeeded(Exception):
    """The last second factor stays: a company's policy needs it."""

    def __init__(self, tenant_names: tuple[str, ...]) -> None:
        super().__init__(f"needed by the policy of {', '.join(tenant_names)}")
        self.tenant_names = tenant_names


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A key to set up: to type (in fours) and for the QR code."""

    secret: str
    uri: str


class FactorService:
    """Checks and changes second factors."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: EphemeralStore,
        sealer: Sealer,
        throttle: Throttle,
        outbox: Outbox,
        audit: Audit,
        totp: TotpService,
        recovery_codes: RecoveryCodeService,
        devices: RememberedDevices,
        accounts: AccountService,
        people: People,
    ) -> None:
        limits = settings.limits
        self._limit = Limit("second-factor", limits.code_per_account, limits.window)
        self._per_day = Limit("second-factor-day", limits.code_per_account * _DAILY, _DAY)
        self._setup_lifetime = settings.lifetimes.login_transaction
        self._issuer = settings.issuer
        self._store = store
        self._sealer = sealer
        self._throttle = throttle
        self._outbox = outbox
        self._audit = audit
        self._totp = totp
        self._recovery_codes = recovery_codes
        self._devices = devices
        self._accounts = accounts
        self._people = people

    # At sign-in

    def check(
        self, person: Person, code: str, options: Sequence[Factor], *, ip: str, browser_known: bool
    ) -> Factor:
        """The factor that the code proves, used up by this; told apart by its shape.

        Raises ``WrongCode``, ``Throttled``.
        """
        if not code.strip():
            raise WrongCode("code-required")
        recovery = looks_like_recovery_code(code) and Factor.RECOVERY_CODE in options
        factor = Factor.RECOVERY_CODE if recovery else Factor.TOTP
        if factor not in options:
            raise WrongCode("recovery-code-invalid")
        # Somebody else's wrong codes do not keep a browser out that the person has used before.
        known = "known" if browser_known else "other"
        self._throttle.attempt(self._per_day, person.account_id, factor, known)
        self._throttle.attempt(self._limit, person.account_id, factor, known)
        error = self._refusal(person, factor, code)
        if error is not None:
            with transaction():
                self._record("sign_in.failed", person, ip, {"factor": factor}, outcome="failure")
            raise WrongCode(error)
        self._throttle.clear(self._limit, person.account_id, factor, known)
        if factor is Factor.RECOVERY_CODE:
            with transaction():
                self._record("recovery_code.used", person, ip)
            self._people.forget(person.subject)
        return factor

    def _refusal(self, person: Person, factor: Factor, code: str) -> str | None:
        if factor is Factor.RECOVERY_CODE:
            used = self._recovery_codes.use(person.account_id, code)
            return None if used else "recovery-code-invalid"
        return _TOTP_ERRORS[self._totp.check(person.account_id, code)]

    def new_secret(self) -> str:
        """A TOTP key to set up."""
        return self._totp.new_secret()

    def enroll(self, person: Person, secret: str, code: str, *, ip: str) -> tuple[str, ...]:
        """Keep the key once a code proves it; new recovery codes unless some are left.

        Raises ``WrongCode``, ``Throttled``.
        """
        if not code.strip():
            raise WrongCode("code-required")
        self._throttle.attempt(self._limit, person.account_id, "enrolment")
        codes: tuple[str, ...] = ()
        with transaction():
            checked = self._totp.enroll(person.account_id, secret, code)
            if checked == "right":
                if not self._recovery_codes.left(person.account_id):
                    codes = self._recovery_codes.renew(person.account_id)
                self._record("factor.enrolled", person, ip, {"factor": Factor.TOTP})
                self._mail("mfa-enabled", person, ip)
                after_commit(lambda: self._people.forget(person.subject))
        error = _TOTP_ERRORS[checked]
        if error is not None:
            raise WrongCode(error)
        self._throttle.clear(self._limit, person.account_id, "enrolment")
        return codes

    # On the account page

    def begin_totp_enrolment(self, person: Person, sid: str) -> Enrollment:
        """A key for this session to set up; the same one again until it is confirmed."""
        key = _setup_key(person.account_id, sid)
        sealed = self._store.get(key)
        if sealed is None:
            secret = self._totp.new_secret()
            sealed = self._sealer.seal(secret.encode(), _SETUP_SEAL)
            if not self._store.put(key, sealed, self._setup_lifetime, only_new=True):
                sealed = self._store.get(key) or sealed
        secret = self._sealer.unseal(sealed, _SETUP_SEAL).decode()
        return Enrollment(grouped(secret), otpauth_uri(secret, person.email))

    def confirm_totp(self, person: Person, sid: str, code: str, *, ip: str) -> tuple[str, ...]:
        """Turn the second factor on with the key begun; the recovery codes, if new ones were made.

        Raises ``WrongCode`` (``code-expired``: begin again), ``Throttled``.
        """
        key = _setup_key(person.account_id, sid)
        sealed = self._store.get(key)
        if sealed is None:
            raise WrongCode("code-expired")
        secret = self._sealer.unseal(sealed, _SETUP_SEAL).decode()
        with transaction():
            codes = self.enroll(person, secret, code, ip=ip)
            if not person.self_mfa:
                self._accounts.set_self_mfa(person.account_id, True)
        self._store.delete(key)
        return codes

    def set_self_mfa(self, person: Person, wanted: bool) -> None:
        """Have the second factor always asked for, or only where a policy or client wants it."""
        with transaction():
            self._accounts.set_self_mfa(person.account_id, wanted)
            after_commit(lambda: self._people.forget(person.subject))

    def enrolled_since(self, person: Person) -> datetime | None:
        """When the oldest second factor was set up."""
        devices = self._totp.devices(person.account_id)
        return devices[0].created_at if devices else None

    def needed_by(self, person: Person) -> tuple[str, ...]:
        """The companies whose policy needs this person's second factor."""
        return tuple(m.tenant_name for m in person.memberships if m.status == "active" and binds(m))

    def remove_factors(self, person: Person, *, ip: str) -> None:
        """Turn the second factor off: apps, recovery codes and remembered devices go.

        Raises ``FactorNeeded``.
        """
        if names := self.needed_by(person):
            raise FactorNeeded(names)
        with transaction():
            self.reset(person.account_id)
            if person.self_mfa:
                self._accounts.set_self_mfa(person.account_id, False)
            self._record("factor.removed", person, ip, {"factor": Factor.TOTP})
            self._mail("mfa-disabled", person, ip)
            after_commit(lambda: self._people.forget(person.subject))

    def renew_recovery_codes(self, person: Person, *, ip: str) -> tuple[str, ...]:
        """Ten new recovery codes; the old ones are dead."""
        with transaction():
            codes = self._recovery_codes.renew(person.account_id)
            self._record("recovery_codes.renewed", person, ip)
            self._mail("recovery-codes-renewed", person, ip)
            after_commit(lambda: self._people.forget(person.subject))
        return codes

    def reset(self, account_id: str) -> None:
        """Remove whatever is set up (an admin's reset calls this; the caller audits and mails)."""
        with transaction():
            self._totp.remove_all(account_id)
            self._recovery_codes.remove_all(account_id)
            self._devices.forget_all(account_id)

    def _record(
        self,
        event: str,
        person: Person,
        ip: str,
        detail: dict[str, Any] | None = None,
        outcome: str = "success",
    ) -> None:
        self._audit.record(
            event,
            category="sign-in" if event == "sign_in.failed" else "factors",
            actor=person.subject,
            subject=person.subject,
            ip=ip,
            outcome=outcome,
            detail=detail,
        )

    def _mail(self, name: str, person: Person, ip: str) -> None:
        context = {
            "given_name": str(person.claims.get("given_name", "")),
            "link": f"{self._issuer}/account",
            "ip": ip,
        }
        self._outbox.mail(person.email, name, person.locale, context)


_TOTP_ERRORS: Mapping[str, str | None] = {
    "right": None,
    "wrong": "code-invalid",
    "used": "code-used",
}


def _setup_key(account_id: str, sid: str) -> str:
    return f"totp-setup:{account_id}:{sid}"
