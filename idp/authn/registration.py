"""Taking up an invitation: name and password, a code to the invited address, the account (T2, S4).

Part of the login transaction: what is typed is kept in it sealed, the password as its hash, until
the address is confirmed; then account and membership are made in one unit of work. An address that
has an account signs in instead, and joins once everything that account is protected with was
proven.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from idp.accounts.claims import InvalidClaim, check_claims
from idp.accounts.passwords import Hasher, HashingBusy, WeakPassword, check_new_password
from idp.accounts.service import AccountService, EmailTaken
from idp.authn.codes import MailCodes, ResendTooSoon
from idp.authn.outcome import Refused
from idp.authn.ports import InvitationRefused, Invitations, People
from idp.authn.steps import Invited, Proof
from idp.authn.transaction import Change, LoginTransaction
from idp.authn.vault import Vault
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
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._outbox = outbox
        self._hasher = hasher
        self._accounts = accounts
        self._people = people
        self._mail_codes = mail_codes
        self._invitations = invitations
        self._code_lifetime = code_lifetime

    def begin(self, offer: InvitationOffer) -> tuple[str, dict[str, str]]:
        """The address, as far as it is known to be an account's, and what a transaction keeps."""
        known = self._accounts.find_by_email(offer.email)
        return (known.email if known else ""), {
            "stage": "join" if known else "register",
            "token": self._vault.seal(offer.token),
            "email": offer.email,
            "tenant_id": offer.tenant_id,
            "tenant_name": offer.tenant_name,
            "given_name": offer.given_name,
            "family_name": offer.family_name,
            "salutation": offer.salutation or "",
        }

    def register(self, tx: LoginTransaction, form: Mapping[str, str]) -> Change | Refused:
        """Name and new password; then a code is on its way to the invited address."""
        kept = _invitation(tx)
        names = {field: form.get(field, "").strip() for field in ("given_name", "family_name")}
        errors = {}
        for field, value in names.items():
            try:
                check_claims({field: value})
            except InvalidClaim:
                errors[field] = "too-long"
            if not value:
                errors[field] = f"{field.replace('_', '-')}-required"
        password = form.get("new_password", "")
        try:
            if not password:
                errors["new_password"] = "password-required"
            else:
                check_new_password(password, [kept["email"], *filter(None, names.values())])
        except WeakPassword as error:
            errors["new_password"] = error.reason
        if "new_password" not in errors and form.get("repeat_password", "") != password:
            errors["repeat_password"] = "password-mismatch"
        if errors:
            return Refused(errors)
        try:
            hashed = self._vault.seal(self._hasher.hash(password))
        except HashingBusy:
            return Refused({"new_password": "unavailable"})
        with suppress(ResendTooSoon):  # The code sent a moment ago is still good.
            self._send_code(tx)
        return _changing({"stage": "verify-email", "password": hashed, **names})

    def resend(self, tx: LoginTransaction) -> Refused | None:
        """Another code; the one before is dead."""
        try:
            self._send_code(tx)
        except ResendTooSoon as error:
            return Refused({"code": "resend-too-soon"}, error.retry_after)
        return None

    def verify_email(self, tx: LoginTransaction, code: str) -> Change | Refused:
        """With the right code the account exists and belongs to the company."""
        if not code.strip():
            return Refused({"code": "code-required"})
        checked = self._mail_codes.check(f"register:{tx.id}", code)
        if checked != "right":
            error = "code-expired" if checked == "expired" else "mail-code-invalid"
            return Refused({"code": error})
        kept = _invitation(tx)
        email, now = kept["email"], self._clock.now()
        try:
            with transaction():
                account = self._accounts.create(
                    email,
                    given_name=kept["given_name"],
                    family_name=kept["family_name"],
                    password_hash=self._vault.unseal(kept["password"]),
                    email_verified=True,
                    locale=tx.locale,
                    salutation=kept["salutation"] or None,
                )
                self._invitations.accept_invitation(self._vault.unseal(kept["token"]), account.id)
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
            self._invitations.accept_invitation(
                self._vault.unseal(kept["token"]), person.account_id
            )
        except InvitationRefused:
            # Another tab may just have done it.
            self._people.forget(person.subject)
            now = self._people.load(person.subject)
            member = now.membership_of(kept["tenant_id"]) if now else None
            return joined if member and member.status == "active" else _changing({"stage": "gone"})
        self._people.forget(person.subject)
        return joined

    def _send_code(self, tx: LoginTransaction) -> None:
        kept = _invitation(tx)
        code = self._mail_codes.issue(f"register:{tx.id}", kept["email"])
        context = {
            "code": code,
            "minutes": self._code_lifetime // 60,
            "given_name": kept["given_name"],
            "tenant_name": kept["tenant_name"],
        }
        with transaction():
            self._outbox.mail(kept["email"], "email-code", tx.locale, context)


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


def _changing(
    values: Mapping[str, str],
    then: Callable[[LoginTransaction], LoginTransaction] = lambda tx: tx,
) -> Change:
    """A change of the invitation's part, and what goes with it."""
    return lambda tx: then(replace(tx, invitation={**_invitation(tx), **values}))
