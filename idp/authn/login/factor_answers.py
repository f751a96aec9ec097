"""What the forms about factors do: a passkey in place of the password, the second factor, setting
one up where that is forced, and asking for help with a lost one.

Called by ``authn.login.answers`` for the step that is due.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from idp.accounts.service import AccountService
from idp.authn.factors.checking import FactorService, Given, WrongCode
from idp.authn.factors.enrolment import Enrolment
from idp.authn.factors.passkeys import PasskeyRefused
from idp.authn.factors.sent_codes import SendRefused
from idp.authn.facts import Proof
from idp.authn.login.outcome import Refused
from idp.authn.login.rounds import identified
from idp.authn.login.transaction import Change, LoginTransaction
from idp.authn.login.vault import Vault
from idp.authn.ports import Help, HelpRefused
from idp.authn.step_kinds import Enroll, SecondFactor
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.vocabulary import SENT_FACTORS, Factor
from idp.infra.throttle import Throttled

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a form comes from; ``known_account``: the account this browser signed in to before."""

    ip: str
    known_account: str | None = None
    user_agent: str = ""


class FactorAnswers:
    """The forms about factors, one method each."""

    def __init__(
        self,
        clock: Clock,
        accounts: AccountService,
        factors: FactorService,
        enrolment: Enrolment,
        help: Help,
        vault: Vault,
    ) -> None:
        self._clock = clock
        self._accounts = accounts
        self._factors = factors
        self._enrolment = enrolment
        self._help = help
        self._vault = vault

    def passkey(
        self, tx: LoginTransaction, person: Person | None, form: Form, visit: Visit
    ) -> Change | Refused:
        """A passkey that checks its holder itself says who is there, and is two factors in one."""
        credential = form.get("credential", "")
        if not credential:
            return Refused({"credential": "passkey-required"})
        # Before the check, so that what ends everything during it ends this proof as well.
        at = self._clock.now()
        try:
            proven = self._factors.passkeys.authenticate(
                bound_to(tx),
                credential,
                account_id=person.account_id if person else None,
                ip=visit.ip,
                verified=True,
            )
        except PasskeyRefused as error:
            return Refused({"credential": error.code})
        account = self._accounts.get(proven.account_id)
        email, subject = account.email, account.subject
        if tx.invitation is not None and email != tx.invitation["email"]:
            return Refused({"credential": "other-account"})
        proof = Proof(Factor.WEBAUTHN, at, verified=True, synced=proven.synced)
        return lambda tx: replace(
            identified(tx, subject, proof), email=email, address="known", registering=False
        )

    def second_factor(
        self, tx: LoginTransaction, due: SecondFactor, person: Person, form: Form, visit: Visit
    ) -> Change | Refused | None:
        """Another way, another code, or the proof itself."""
        action = form.get("action", "")
        if "use" in form:
            return _pick(form["use"], due.options)
        if action == "other-factor":
            return _following(due)
        if action == "lost":
            return lambda tx: replace(tx, lost=True)
        if action == "resend":
            return self._resend(tx, due, person)
        remember = form.get("remember_device") == "1" and due.remember_days > 0
        given = self._given(tx, person, form, visit)
        if due.selected is Factor.WEBAUTHN and not (given.credential or given.code.strip()):
            return Refused({"credential": "passkey-required"})
        try:
            proof = self._factors.check(person, given, due.options)
        except WrongCode as error:
            field = "credential" if given.credential else "code"
            return Refused({field: error.error})
        except Throttled as error:
            return Refused({"code": "factor-stopped"}, error.retry_after)
        return lambda tx: replace(
            tx,
            proofs=(*tx.proofs, proof),
            selected=None,
            listing=False,
            remember_device=remember,
        )

    def _resend(
        self, tx: LoginTransaction, due: SecondFactor, person: Person
    ) -> Change | Refused | None:
        if due.selected not in SENT_FACTORS:
            return None
        try:
            self._factors.send(person, due.selected, bound_to(tx), locale=tx.locale, again=True)
        except SendRefused as error:
            return Refused({"code": error.code}, error.retry_after or None)
        return None

    def help(
        self, person: Person, tenant_id: str | None, form: Form, visit: Visit
    ) -> Change | Refused:
        """Ask whoever can help; or go back to the factors, or to the recovery codes."""
        if form.get("use") == Factor.RECOVERY_CODE:
            return lambda tx: replace(tx, lost=False, selected=Factor.RECOVERY_CODE)
        if form.get("action") == "back":
            return lambda tx: replace(tx, lost=False)
        try:
            self._help.ask(
                person,
                tenant_id,
                form.get("reason", ""),
                form.get("contact", ""),
                ip=visit.ip,
            )
        except HelpRefused as error:
            return Refused({error.field: error.code}, error.retry_after or None)
        return lambda tx: tx

    def enroll(
        self, tx: LoginTransaction, due: Enroll, person: Person, form: Form, visit: Visit
    ) -> Change | Refused | None:
        """Choose a factor, say where its codes go, or prove that it works."""
        action = form.get("action", "")
        if "use" in form:
            return self._pick_new(tx, form["use"], due, person)
        if form.get("credential") and Factor.WEBAUTHN in due.factors:
            return self._confirm(tx, due, person, Factor.WEBAUTHN, form, visit)
        if due.selected in SENT_FACTORS:
            if action == "number":
                return lambda tx: replace(tx, enroll_to=None)
            if tx.enroll_to is None:
                return self._send(tx, due.selected, person, form.get("phone_number", ""))
            if action == "resend":
                to = self._vault.unseal(tx.enroll_to)
                sent = self._send(tx, due.selected, person, to, again=True)
                return sent if isinstance(sent, Refused) else None
        if due.selected is Factor.WEBAUTHN:
            return Refused({"credential": "passkey-required"})
        return self._confirm(tx, due, person, due.selected, form, visit)

    def _pick_new(
        self, tx: LoginTransaction, named: str, due: Enroll, person: Person
    ) -> Change | Refused | None:
        picked = next((factor for factor in due.factors if factor == named), None)
        if picked is None:
            return None
        if picked is Factor.EMAIL:  # There is nothing to ask before the code is sent.
            return self._send(tx, picked, person, "")
        return lambda tx: replace(tx, enrolling=picked, enroll_to=None)

    def _send(
        self, tx: LoginTransaction, factor: Factor, person: Person, typed: str, again: bool = False
    ) -> Change | Refused:
        field = "code" if again or factor is Factor.EMAIL else "phone_number"
        if factor is not Factor.EMAIL and not typed.strip():
            return Refused({field: "phone-required"})
        try:
            address = self._enrolment.send(
                person, factor, typed, bound_to(tx), locale=tx.locale, again=again
            )
        except SendRefused as error:
            return Refused({field: error.code}, error.retry_after or None)
        sealed = self._vault.seal(address)
        return lambda tx: replace(tx, enrolling=factor, enroll_to=sealed)

    def _confirm(
        self,
        tx: LoginTransaction,
        due: Enroll,
        person: Person,
        factor: Factor,
        form: Form,
        visit: Visit,
    ) -> Change | Refused | None:
        if factor is Factor.TOTP and tx.totp_secret is None:
            return None
        try:
            enrolled = self._enrolment.confirm(
                person,
                factor,
                self._given(tx, person, form, visit),
                secret=self._vault.unseal(tx.totp_secret) if tx.totp_secret else "",
                address=self._vault.unseal(tx.enroll_to) if tx.enroll_to else "",
                recovery=due.recovery,
            )
        except WrongCode as error:
            field = "credential" if factor is Factor.WEBAUTHN else "code"
            return Refused({field: error.error})
        except Throttled as error:
            return Refused({"code": "throttled"}, error.retry_after)
        codes = enrolled.recovery_codes
        sealed = self._vault.seal(" ".join(codes)) if codes else None
        return lambda tx: replace(
            tx,
            proofs=(*tx.proofs, enrolled.proof),
            totp_secret=None,
            enrolling=None,
            enroll_to=None,
            recovery_codes=sealed,
        )

    @staticmethod
    def _given(tx: LoginTransaction, person: Person, form: Form, visit: Visit) -> Given:
        return Given(
            bound_to=bound_to(tx),
            ip=visit.ip,
            code=form.get("code", ""),
            credential=form.get("credential", ""),
            factor=form.get("factor", ""),
            browser_known=visit.known_account == person.account_id,
            user_agent=visit.user_agent,
        )


def bound_to(tx: LoginTransaction) -> str:
    """What challenges and codes of this login are for; another person in it needs others."""
    return f"login:{tx.id}:{tx.round}"


def _pick(named: str, options: tuple[Factor, ...]) -> Change | None:
    picked = next((factor for factor in options if factor == named), None)
    return None if picked is None else lambda tx: replace(tx, selected=picked, listing=False)


def _following(due: SecondFactor) -> Change | None:
    """The next way, and the list of all."""
    following = due.following
    if following is None:
        return None
    return lambda tx: replace(tx, selected=following, listing=len(due.others) > 1)
