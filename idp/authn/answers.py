"""What each form of the hosted login does: check it, and say how the transaction changes.

Called by ``authn.service`` for the step that is due, and only then. A change is a function, since
it may have to be applied to a newer transaction than the one the form was for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from idp.accounts.email_address import InvalidEmail, normalise_email
from idp.accounts.passwords import HashingBusy
from idp.accounts.service import AccountService, InvalidCredentials
from idp.authn.factors import FactorService, WrongCode
from idp.authn.outcome import Refused
from idp.authn.registration import Registration
from idp.authn.step import (
    ChooseTenant,
    Enroll,
    Identify,
    NoAllowedFactor,
    Password,
    RecoveryCodes,
    Register,
    SecondFactor,
    Step,
    VerifyEmail,
)
from idp.authn.steps import Proof
from idp.authn.transaction import Change, LoginTransaction
from idp.authn.vault import Vault
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.vocabulary import Factor
from idp.infra.throttle import Throttled

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a form comes from; ``known_account``: the account this browser signed in to before."""

    ip: str
    known_account: str | None = None


class Answers:
    """The forms, one method each."""

    def __init__(
        self,
        clock: Clock,
        accounts: AccountService,
        factors: FactorService,
        registration: Registration,
        vault: Vault,
    ) -> None:
        self._clock = clock
        self._accounts = accounts
        self._factors = factors
        self._registration = registration
        self._vault = vault

    def take(
        self, tx: LoginTransaction, due: Step, person: Person | None, form: Form, visit: Visit
    ) -> Change | Refused | None:
        """The change that the form makes, or why it is refused; None where it does nothing."""
        action = form.get("action", "")
        if action == "edit":
            return None if tx.invitation is not None else start_over
        match due:
            case Identify():
                return self._identify(tx, form)
            case Password():
                return self._password(tx, form, visit)
            case SecondFactor() if person is not None:
                if action == "other-factor":
                    return self._other_factor(due)
                return self._second_factor(due, person, form, visit)
            case Enroll() if person is not None:
                if action == "later":
                    return _postpone if due.may_postpone else None
                return self._enroll(tx, person, form, visit)
            case NoAllowedFactor():
                return _postpone if action == "later" and due.may_postpone else None
            case RecoveryCodes():
                return lambda tx: replace(tx, recovery_codes=None)
            case ChooseTenant():
                return self._choose(due, form)
            case Register():
                return self._registration.register(tx, form)
            case VerifyEmail():
                if action == "resend":
                    return self._registration.resend(tx)
                return self._registration.verify_email(tx, form.get("code", ""))
            case _:
                return None

    def _identify(self, tx: LoginTransaction, form: Form) -> Change | Refused:
        """Nothing is looked up here, so nothing tells a known address from an unknown one."""
        typed = form.get("email", "")
        if not typed.strip():
            return Refused({"email": "email-required"})
        try:
            email = normalise_email(typed)
        except InvalidEmail:
            return Refused({"email": "email-invalid"})
        if tx.invitation is not None and email != tx.invitation["email"]:
            return Refused({"email": "other-account"})
        return lambda tx: replace(start_over(tx), email=email)

    def _password(self, tx: LoginTransaction, form: Form, visit: Visit) -> Change | Refused:
        password = form.get("password", "")
        if not password:
            return Refused({"password": "password-required"})
        # Before the check, so that what ends everything during it ends this proof as well.
        at = self._clock.now()
        try:
            account = self._accounts.check_password(
                tx.email, password, ip=visit.ip, browser_known=self._is_known(tx.email, visit)
            )
        except InvalidCredentials:
            return Refused({"password": "invalid-credentials"})
        except Throttled as error:
            return Refused({"password": "throttled"}, error.retry_after)
        except HashingBusy:
            return Refused({"password": "unavailable"})
        subject = account.subject
        return lambda tx: replace(
            tx,
            subject=subject,
            continued=tx.continued and tx.subject == subject,
            proofs=(*tx.proofs, Proof(Factor.PASSWORD, at)),
        )

    def _is_known(self, email: str, visit: Visit) -> bool:
        if visit.known_account is None:
            return False
        account = self._accounts.find_by_email(email)
        return account is not None and account.id == visit.known_account

    @staticmethod
    def _other_factor(due: SecondFactor) -> Change | None:
        if len(due.options) < 2:
            return None
        following = due.options[(due.options.index(due.selected) + 1) % len(due.options)]
        return lambda tx: replace(tx, selected=following)

    def _second_factor(
        self, due: SecondFactor, person: Person, form: Form, visit: Visit
    ) -> Change | Refused:
        remember = form.get("remember_device") == "1" and due.remember_days > 0
        try:
            factor = self._factors.check(
                person,
                form.get("code", ""),
                due.options,
                ip=visit.ip,
                browser_known=visit.known_account == person.account_id,
            )
        except WrongCode as error:
            return Refused({"code": error.error})
        except Throttled as error:
            return Refused({"code": "throttled"}, error.retry_after)
        proof = Proof(factor, self._clock.now())
        return lambda tx: replace(
            tx, proofs=(*tx.proofs, proof), selected=None, remember_device=remember
        )

    def _enroll(
        self, tx: LoginTransaction, person: Person, form: Form, visit: Visit
    ) -> Change | Refused | None:
        if tx.totp_secret is None:
            return None
        secret = self._vault.unseal(tx.totp_secret)
        try:
            codes = self._factors.enroll(person, secret, form.get("code", ""), ip=visit.ip)
        except WrongCode as error:
            return Refused({"code": error.error})
        except Throttled as error:
            return Refused({"code": "throttled"}, error.retry_after)
        sealed = self._vault.seal(" ".join(codes)) if codes else None
        proof = Proof(Factor.TOTP, self._clock.now())
        return lambda tx: replace(
            tx, proofs=(*tx.proofs, proof), totp_secret=None, recovery_codes=sealed
        )

    @staticmethod
    def _choose(due: ChooseTenant, form: Form) -> Change | Refused:
        picked = form.get("tenant", "")
        for option in due.options:
            if option.customer_number == picked:
                tenant_id = option.tenant_id
                return lambda tx: replace(tx, tenant_id=tenant_id)
        return Refused({"tenant": "tenant-invalid"})


def start_over(tx: LoginTransaction) -> LoginTransaction:
    """Nobody is identified; what was proven for somebody else counts no more."""
    return replace(
        tx,
        email="",
        subject=None,
        round=tx.round + 1,
        proofs=(),
        continued=False,
        tenant_id=None,
        selected=None,
        postponed=False,
        remember_device=False,
        totp_secret=None,
        recovery_codes=None,
    )


def _postpone(tx: LoginTransaction) -> LoginTransaction:
    return replace(tx, postponed=True)
