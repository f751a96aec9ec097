"""What each form of the hosted login does: check it, and say how the transaction changes.

Called by ``authn.service`` for the step that is due, and only then. A change is a function, since
it may have to be applied to a newer transaction than the one the form was for.
"""

from dataclasses import replace
from typing import Literal

from idp.accounts import at_sign_in
from idp.accounts.email_address import InvalidEmail, normalise_email
from idp.accounts.guessing import Lookups
from idp.accounts.legacy_logins import LegacyUnavailable
from idp.accounts.passwords import HashingBusy
from idp.accounts.service import AccountService, InvalidCredentials
from idp.authn.facts import Proof
from idp.authn.login.evaluation import Known
from idp.authn.login.factor_answers import FactorAnswers, Form, Visit
from idp.authn.login.outcome import Refused
from idp.authn.login.registration import Registration
from idp.authn.login.rounds import identified, start_over
from idp.authn.login.sign_up import SignUp
from idp.authn.login.transaction import Change, LoginTransaction
from idp.authn.ports import Arrivals, Companies, JoinRefused, People
from idp.authn.step_kinds import (
    Activate,
    ChooseTenant,
    Enroll,
    Identify,
    LostFactor,
    NoAllowedFactor,
    NoCompany,
    Passkey,
    Password,
    RecoveryCodes,
    Register,
    SecondFactor,
    Step,
    StillLocal,
    VerifyEmail,
)
from idp.authn.steps import decide
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.vocabulary import Factor
from idp.infra.throttle import Throttled
from idp.settings import AccountSettings

__all__ = ["Answers", "Visit"]


class Answers:
    """The forms, one method each."""

    def __init__(
        self,
        *,
        settings: AccountSettings,
        clock: Clock,
        accounts: AccountService,
        people: People,
        companies: Companies,
        arrivals: Arrivals,
        lookups: Lookups,
        registration: Registration,
        sign_up: SignUp,
        factors: FactorAnswers,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._accounts = accounts
        self._people = people
        self._companies = companies
        self._arrivals = arrivals
        self._lookups = lookups
        self._registration = registration
        self._sign_up = sign_up
        self._factors = factors

    def take(
        self, tx: LoginTransaction, due: Step, known: Known, form: Form, visit: Visit
    ) -> Change | Refused | None:
        """The change that the form makes, or why it is refused; None where it does nothing."""
        action = form.get("action", "")
        if action == "edit":
            return None if tx.invitation is not None else start_over
        person = known.facts.person
        match due:
            case Identify():
                return self._identify(tx, form, visit)
            case Passkey():
                if action == "other-factor":
                    return _prefer(password=True) if due.may_use_password else None
                return self._factors.passkey(tx, person, form, visit)
            case Password():
                if action == "other-factor":
                    return _prefer(password=False) if due.may_use_passkey else None
                return self._password(tx, form, visit)
            case SecondFactor() if person is not None:
                return self._factors.second_factor(tx, due, person, form, visit)
            case LostFactor() if person is not None:
                return self._factors.help(person, known.company_to_help, form, visit)
            case Enroll() if person is not None:
                if action == "later":
                    return _postpone if due.may_postpone else None
                return self._factors.enroll(tx, due, person, form, visit)
            case NoAllowedFactor():
                return _postpone if action == "later" and due.may_postpone else None
            case RecoveryCodes():
                return lambda tx: replace(tx, recovery_codes=None)
            case ChooseTenant():
                return self._choose(due, form)
            case NoCompany() if person is not None:
                return self._join(person, form, visit) if due.may_join else None
            case Activate() if person is not None:
                if action == "later":
                    return _not_yet if due.may_postpone else None
                if not isinstance(decide(replace(known.facts, agreed=True)), Activate):
                    return _agreed  # what the account is protected with comes first
                return self._activate(person, due)
            case StillLocal():
                return self._sign_up.go_on(tx, anyway=action == "register")
            case Register() | VerifyEmail():
                return self._new_account(tx, due, form, visit)
            case _:
                return None

    def _identify(self, tx: LoginTransaction, form: Form, visit: Visit) -> Change | Refused | None:
        """An address is known or not, as far as that may be told; or a passkey says who it is."""
        action = form.get("action", "")
        if action == "sign-in":
            return lambda tx: replace(tx, registering=False)
        if form.get("credential"):
            return self._factors.passkey(tx, None, form, visit)
        registering = self._settings.registration and (action == "register" or tx.registering)
        typed = form.get("email", "")
        if not typed.strip():
            if action == "register" and registering:
                return lambda tx: replace(tx, registering=True)
            return Refused({"email": "email-required"})
        try:
            email = normalise_email(typed)
        except InvalidEmail:
            return Refused({"email": "email-invalid"})
        if tx.invitation is not None and email != tx.invitation["email"]:
            return Refused({"email": "other-account"})
        found = self._look_up(email, visit)
        return lambda tx: replace(
            start_over(tx),
            email=email,
            address=found[0],
            passkey_known=found[1],
            registering=registering,
        )

    def _look_up(self, email: str, visit: Visit) -> tuple[Literal["", "known", "unknown"], bool]:
        """Whether the address is known, and whether it has a passkey; nothing where accounts are
        hidden, or to a network that has tried out too many addresses.
        """
        if self._settings.hide:
            return "", False
        account = at_sign_in.find(email)
        if account is not None and account.account_id == visit.known_account:
            may_tell = True
        else:
            may_tell = self._lookups.may_tell(visit.ip, known=account is not None)
        if not may_tell:
            return "", False
        if account is None:
            return ("unknown" if self._settings.registration else ""), False
        person = self._people.load(account.subject)
        return "known", person is not None and person.passwordless

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
        except LegacyUnavailable:
            return Refused({"password": "old-product-unavailable"})
        subject = account.subject
        return lambda tx: identified(tx, subject, Proof(Factor.PASSWORD, at))

    def _is_known(self, email: str, visit: Visit) -> bool:
        if visit.known_account is None:
            return False
        account = at_sign_in.find(email)
        return account is not None and account.account_id == visit.known_account

    def _new_account(
        self, tx: LoginTransaction, due: Register | VerifyEmail, form: Form, visit: Visit
    ) -> Change | Refused | None:
        """Names and password, then the mailed code: by invitation or from nothing."""
        code, resend = form.get("code", ""), form.get("action") == "resend"
        if tx.invitation is not None:
            if isinstance(due, Register):
                return self._registration.register(tx, form)
            if resend:
                return self._registration.resend(tx)
            return self._registration.verify_email(tx, code)
        if not self._settings.registration:
            return start_over
        if isinstance(due, Register):
            return self._sign_up.register(tx, form, ip=visit.ip)
        if resend:
            return self._sign_up.resend(tx, ip=visit.ip)
        return self._sign_up.verify_email(tx, code, ip=visit.ip)

    def _join(self, person: Person, form: Form, visit: Visit) -> Change | Refused | None:
        number = form.get("customer_number")
        if number is None:  # "Try again" of the page without the field
            return None
        try:
            tenant_id = self._companies.join(person.account_id, number, ip=visit.ip)
        except JoinRefused as error:
            return Refused({"customer_number": error.code}, error.retry_after or None)
        return lambda tx: replace(tx, tenant_id=tenant_id)

    def _activate(self, person: Person, due: Activate) -> Change:
        """Link the account to the companies that the page has named; what others were quicker with
        is seen by the next decision.
        """
        self._arrivals.claim(person.account_id, due.tenant_ids)
        self._people.forget(person.subject)
        return lambda tx: tx

    @staticmethod
    def _choose(due: ChooseTenant, form: Form) -> Change | Refused:
        picked = form.get("tenant", "")
        for option in due.options:
            if option.customer_number == picked:
                tenant_id = option.tenant_id
                return lambda tx: replace(tx, tenant_id=tenant_id)
        return Refused({"tenant": "tenant-invalid"})


def _prefer(*, password: bool) -> Change:
    return lambda tx: replace(tx, prefer_password=password)


def _postpone(tx: LoginTransaction) -> LoginTransaction:
    return replace(tx, postponed=True)


def _agreed(tx: LoginTransaction) -> LoginTransaction:
    return replace(tx, agreed=True)


def _not_yet(tx: LoginTransaction) -> LoginTransaction:
    return replace(tx, not_yet=True)
