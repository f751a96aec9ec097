"""Taking up an invitation: name and password, a code to the invited address, the account (T2, S4).

Part of the login transaction: what is typed is kept in it sealed, the password as its hash, until
the address is confirmed; then account and membership are made in one unit of work. An address that
has an account signs in instead, and joins once everything that account is protected with was
proven.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from idp.accounts.passwords import Hasher
from idp.accounts.service import AccountService, EmailTaken
from idp.authn.factors.codes import MailCodes, ResendTooSoon
from idp.authn.facts import Invited, Proof
from idp.authn.login.new_accounts import Applicant, NewAccounts
from idp.authn.login.outcome import Refused
from idp.authn.login.transaction import Change, LoginTransaction
from idp.authn.login.vault import Vault
from idp.authn.ports import InvitationRefused, Invitations, People
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.vocabulary import Factor
from idp.infra.database import transaction
from idp.infra.outbox import Outbox


@dataclass(frozen=True, slots=True)
class InvitationOffer:
    """An open invitation as its link shows it."""

    token: str
    email: str
    tenant_id: str
    tenant_name: str
    given_name: str = ""
    family_name: str = ""
    salutation: str | None = None


class Registration:
    """The steps of an invited person."""

    def __init__(
        self,
        *,
        clock: Clock,
        vault: Vault,
        outbox: Outbox,
        hasher: Hasher,
        accounts: AccountService,
        people: People,
        mail_codes: MailCodes,
        invitations: Invitations,
        code_lifetime: int,
        terms_uri: str,
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._accounts = accounts
        self._people = people
        self._invitations = invitations
        self.new_accounts = NewAccounts(
            vault=vault,
            outbox=outbox,
            hasher=hasher,
            accounts=accounts,
            mail_codes=mail_codes,
            code_lifetime=code_lifetime,
            terms_uri=terms_uri,
        )

    def begin(self, offer: InvitationOffer) -> tuple[str, bool, dict[str, str]]:
        """The address, as far as it is an account's, whether that has a passkey that needs no
        password, and what a transaction keeps.
        """
        known = self._accounts.find_by_email(offer.email)
        person = self._people.load(known.subject) if known else None
        passkey_known = person is not None and person.passwordless
        return (
            (known.email if known else ""),
            passkey_known,
            {
                "stage": "join" if known else "register",
                "token": self._vault.seal(offer.token),
                "email": offer.email,
                "tenant_id": offer.tenant_id,
                "tenant_name": offer.tenant_name,
                "given_name": offer.given_name,
                "family_name": offer.family_name,
                "salutation": offer.salutation or "",
            },
        )

    def register(self, tx: LoginTransaction, form: Mapping[str, str]) -> Change | Refused:
        """Name and new password; then a code is on its way to the invited address."""
        kept = _invitation(tx)
        typed = self.new_accounts.check_form(form, kept["email"], [kept["tenant_name"]])
        if isinstance(typed, Refused):
            return typed
        try:
            self.new_accounts.send_code(_applicant(tx))
        except ResendTooSoon as error:
            if not self.new_accounts.has_code(_applicant(tx)):
                return Refused({"": "throttled"}, error.retry_after)
        return _changing({"stage": "verify-email", **typed})

    def resend(self, tx: LoginTransaction) -> Refused | None:
        """Another code; the one before is dead."""
        try:
            self.new_accounts.send_code(_applicant(tx))
        except ResendTooSoon as error:
            return Refused({"code": "resend-too-soon"}, error.retry_after)
        return None

    def verify_email(self, tx: LoginTransaction, code: str) -> Change | Refused:
        """With the right code the account exists and belongs to the company."""
        applicant, kept = _applicant(tx), _invitation(tx)
        refused = self.new_accounts.check_code(applicant, code)
        if refused is not None:
            return refused
        email, now = kept["email"], self._clock.now()
        try:
            with transaction():
                account = self.new_accounts.create(applicant, kept, kept["salutation"] or None)
                self._invitations.accept(self._vault.unseal(kept["token"]), account.id)
        except EmailTaken:
            return _changing({"stage": "join", "password": ""}, lambda t: replace(t, email=email))
        except InvitationRefused:
            return _changing({"stage": "gone", "password": ""})
        subject = account.subject
        self._people.forget(subject)
        return _changing(
            {"stage": "joined", "password": ""},
            lambda t: replace(
                t,
                email=email,
                subject=subject,
                tenant_id=kept["tenant_id"],
                proofs=(Proof(Factor.PASSWORD, now),),
            ),
        )

    def join(self, tx: LoginTransaction, person: Person) -> Change:
        """Accept the invitation for an account that existed before."""
        kept = _invitation(tx)
        joined = _changing({"stage": "joined"}, lambda t: replace(t, tenant_id=kept["tenant_id"]))
        try:
            self._invitations.accept(self._vault.unseal(kept["token"]), person.account_id)
        except InvitationRefused:
            # Another tab may just have done it.
            self._people.forget(person.subject)
            now = self._people.load(person.subject)
            member = now.membership_of(kept["tenant_id"]) if now else None
            return joined if member and member.status == "active" else _changing({"stage": "gone"})
        self._people.forget(person.subject)
        return joined


def invited(tx: LoginTransaction) -> Invited | None:
    """What the decision needs to know of the transaction's invitation."""
    if tx.invitation is None:
        return None
    kept = tx.invitation
    names = ("tenant_id", "tenant_name", "email", "given_name", "family_name", "stage")
    return Invited(**{name: kept[name] for name in names})


def _invitation(tx: LoginTransaction) -> Mapping[str, str]:
    if tx.invitation is None:
        raise ValueError("this sign-in takes up no invitation")
    return tx.invitation


def _applicant(tx: LoginTransaction) -> Applicant:
    kept = _invitation(tx)
    return Applicant(tx.id, kept["email"], tx.locale, kept["given_name"], kept["tenant_name"])


def _changing(
    values: Mapping[str, str],
    then: Callable[[LoginTransaction], LoginTransaction] = lambda tx: tx,
) -> Change:
    """A change of the invitation's part, and what goes with it."""
    return lambda tx: then(replace(tx, invitation={**_invitation(tx), **values}))
