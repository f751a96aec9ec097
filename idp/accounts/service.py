"""Accounts: create, find, change, lock, and prove one by its password.

A unit of work per method, each with its audit event. What must follow a change elsewhere
(snapshots, sessions, refresh tokens, remembered devices) hangs on hooks that the wiring fills:
``on_changed`` runs before and after the commit, the others inside the same transaction.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError

from idp.accounts import at_sign_in
from idp.accounts.claims import apply_claims, check_claims
from idp.accounts.email_address import InvalidEmail, normalise_email
from idp.accounts.errors import EmailTaken, InvalidCredentials, UnknownAccount
from idp.accounts.foreign_hashes import is_foreign, scheme_of
from idp.accounts.guessing import PasswordGuesses
from idp.accounts.legacy_logins import LegacyLogins, LegacyUnavailable
from idp.accounts.models import Account
from idp.accounts.new_passwords import NewPasswords
from idp.accounts.passwords import Hasher
from idp.accounts.recovery import InvalidRecovery, RecoveryLinks
from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.infra.audit import Audit
from idp.infra.database import after_commit, db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.infra.throttle import Throttle
from idp.settings import Settings

__all__ = [
    "AccountService",
    "EmailTaken",
    "InvalidCredentials",
    "InvalidRecovery",
    "UnknownAccount",
]


_BY_EMAIL = select(Account).where(Account.email == bindparam("address"))


class AccountService:
    """Everything about one account that needs no company."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        outbox: Outbox,
        audit: Audit,
        throttle: Throttle,
        hasher: Hasher,
        store: EphemeralStore,
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._outbox = outbox
        self._audit = audit
        self._hasher = hasher
        self._issuer = settings.issuer
        self.new_passwords = NewPasswords(settings.accounts)
        """The rules for them, also for those typed before there is an account."""
        self._guesses = PasswordGuesses(throttle, settings.limits, audit)
        self._links = RecoveryLinks(settings, randomness, outbox, audit, throttle, store)
        self.on_changed: list[Callable[[str], object]] = []
        """Called with the subject before and after the commit: before, so that nothing is changed
        that could not be made known."""
        self.on_password_changed: list[Callable[[str, str, str | None], object]] = []
        """Called with account id, subject and the sid to keep (None: end every session)."""
        self.on_locked: list[Callable[[str, str], object]] = []
        """Called with account id and subject."""
        self.legacy_logins: LegacyLogins | None = None
        """Old products that can be asked about a password they never handed over."""
        self.on_guessing = self._guesses.on_guessing
        """Called with the subject when strangers have tried so many passwords that browsers which
        never signed in to the account must wait."""

    # Finding

    def find_by_email(self, email: str) -> Account | None:
        """The account of that address, however it is spelled."""
        try:
            address = normalise_email(email)
        except InvalidEmail:
            return None
        return db.session.scalar(_BY_EMAIL, {"address": address})

    def find_by_subject(self, subject: str) -> Account | None:
        """The account with that public ``sub``."""
        return db.session.scalar(select(Account).where(Account.subject == subject))

    def get(self, account_id: str) -> Account:
        """The account with that id; raises ``UnknownAccount``."""
        account = db.session.get(Account, account_id)
        if account is None:
            raise UnknownAccount
        return account

    # Making and changing

    def create(
        self,
        email: str,
        *,
        given_name: str | None = None,
        family_name: str | None = None,
        password: str | None = None,
        password_hash: str | None = None,
        email_verified: bool = False,
        locale: str = "en",
        salutation: str | None = None,
        terms: str = "",
        actor: str | None = None,
    ) -> Account:
        """A new active account; raises ``EmailTaken``, ``InvalidEmail``, ``WeakPassword``.

        ``password_hash``: of a password that was checked when it was typed (registration).
        ``terms``: where the terms of use stand that the person has accepted.
        """
        address = normalise_email(email)
        names = check_claims(
            {"given_name": given_name, "family_name": family_name, "locale": locale}
        )
        now = self._clock.now()
        account = Account(
            id=self._randomness.uuid(),
            subject=self._randomness.uuid(),
            email=address,
            email_verified=email_verified,
            status="active",
            salutation=salutation,
            created_at=now,
            updated_at=now,
            **names,
        )
        if password is not None:
            self.new_passwords.check(password, account)
            password_hash = self._hasher.hash(password)
        if password_hash is not None:
            account.password_hash = password_hash
            account.password_changed_at = now
        try:
            with transaction() as session:
                session.add(account)
                session.flush()
                detail = {"terms": terms} if terms else None
                self._record("account.created", account, actor, detail)
        except IntegrityError as error:
            raise EmailTaken from error
        return account

    def set_claims(
        self, account_id: str, values: Mapping[str, Any], *, actor: str | None = None
    ) -> Account:
        """Set standard claims (``address.locality`` dotted, empty removes); ``InvalidClaim``.

        A new e-mail address or telephone number is unverified unless the call says otherwise.
        """
        checked = check_claims(values)
        try:
            with transaction() as session:
                account = session.get(Account, account_id)
                if account is None:
                    raise UnknownAccount
                apply_claims(account, checked)
                account.updated_at = self._clock.now()
                session.flush()
                self._record("account.changed", account, actor, {"claims": sorted(checked)})
        except IntegrityError as error:
            raise EmailTaken from error
        return account

    def set_self_mfa(self, account_id: str, wanted: bool) -> None:
        """Turn the person's own wish for a second factor on or off."""
        with transaction():
            account = self.get(account_id)
            account.self_mfa = wanted
            self._record("mfa.self_" + ("enabled" if wanted else "disabled"), account)

    def set_operator(self, account_id: str, wanted: bool, *, actor: str | None = None) -> None:
        """Give or take the platform-wide operator right."""
        with transaction():
            account = self.get(account_id)
            account.is_operator = wanted
            self._record("operator." + ("granted" if wanted else "revoked"), account, actor)

    def verify_email(self, account_id: str) -> None:
        """The person has shown that mail to the address reaches them."""
        with transaction():
            account = self.get(account_id)
            if not account.email_verified:
                account.email_verified = True
                account.updated_at = self._clock.now()
                self._record("account.email_verified", account)

    def note_sign_in(self, account_id: str) -> None:
        """Remember when the account was last signed in to."""
        at_sign_in.note_sign_in(account_id, self._clock.now())

    def lock(self, account_id: str, *, actor: str | None = None, reason: str = "") -> Account:
        """Nobody signs in with it, and at once every session and token ends."""
        with transaction():
            account = self.get(account_id)
            if account.status != "locked":
                account.status = "locked"
                account.sessions_not_before = self._clock.now()
                self._record("account.locked", account, actor, {"reason": reason[:200]})
                for hook in self.on_locked:
                    hook(account.id, account.subject)
        return account

    def unlock(self, account_id: str, *, actor: str | None = None) -> Account:
        """The account may sign in again; what ended stays ended."""
        with transaction():
            account = self.get(account_id)
            if account.status == "locked":
                account.status = "active"
                self._record("account.unlocked", account, actor)
        return account

    # Passwords

    def check_password(
        self, email: str, password: str, *, ip: str | None, browser_known: bool
    ) -> Account:
        """The account, if the password is its own; the same work and time whoever asks.

        A locked account is returned too: the caller tells so, but only now. Raises
        ``InvalidCredentials``, ``Throttled``, ``LegacyUnavailable``.
        """
        account = self.find_by_email(email)
        counted = account.email if account else email.strip().lower()[:320]
        self._guesses.begin(counted, ip, browser_known=browser_known)
        stored = account.password_hash if account else None
        try:
            asked = self.legacy_logins and self.legacy_logins.ask(stored, counted, password[:1024])
        except LegacyUnavailable:
            self._guesses.uncount(counted, ip, browser_known=browser_known)
            raise
        kept = stored if asked is None else None
        right = asked or self._hasher.verify(kept, password[:1024])
        if account is None or stored is None or not right:
            self._guesses.failed(
                counted,
                ip,
                browser_known=browser_known,
                subject=account.subject if account else None,
            )
            raise InvalidCredentials
        self._guesses.succeeded(counted, ip, browser_known=browser_known)
        if self._hasher.is_outdated(stored):
            self._upgrade(account, stored, password)
        return account

    def set_password(
        self,
        account_id: str,
        new: str,
        *,
        keep_sid: str | None = None,
        actor: str | None = None,
        ip: str | None = None,
    ) -> Account:
        """A new password; every other session, refresh token and remembered device ends.

        Raises ``WeakPassword``. The person is told by mail.
        """
        account = self.get(account_id)
        self.new_passwords.check(new, account)
        hashed = self._hasher.hash(new)
        with transaction():
            account = self.get(account_id)
            first = account.password_hash is None
            account.password_hash = hashed
            account.password_changed_at = self._clock.now()
            # Also where a session stays: a sign-in under way with the old password must not finish.
            account.sessions_not_before = self._clock.now()
            self._record("password.changed", account, actor, ip=ip)
            for hook in self.on_password_changed:
                hook(account.id, account.subject, keep_sid)
            if not first:
                link = f"{self._issuer}/password/forgot"
                context = {"given_name": account.given_name or "", "link": link, "ip": ip or ""}
                self._outbox.mail(account.email, "password-changed", account.locale, context)
        return account

    def begin_recovery(self, email: str, ip: str | None, locale: str | None) -> None:
        """Mail a link to set a new password, if there is an account; nothing shows whether.

        Raises ``Throttled`` for a network that asks too often.
        """
        self._links.send(self.find_by_email(email), email, ip, locale)

    def check_recovery(self, token: str) -> Account:
        """The account a link is for; raises ``InvalidRecovery``."""
        return self._links.get(token)

    def finish_recovery(self, token: str, new_password: str, *, ip: str | None = None) -> Account:
        """Set the new password by the link, once. The second factor still stands.

        A refused password (``WeakPassword``) leaves the link usable; raises ``InvalidRecovery``.
        """
        account = self.check_recovery(token)
        self.new_passwords.check(new_password, account)
        self._links.redeem(token)
        with transaction():
            self.verify_email(account.id)
            return self.set_password(account.id, new_password, actor=account.subject, ip=ip)

    def _upgrade(self, account: Account, stored: str, password: str) -> None:
        """Hash anew with today's parameters, unless the password was changed meanwhile."""
        hashed = self._hasher.hash(password[:1024])
        with transaction() as session:
            session.execute(
                update(Account)
                .where(Account.id == account.id, Account.password_hash == stored)
                .values(password_hash=hashed)
            )
            if is_foreign(stored):
                self._record("password.taken_over", account, detail={"from": scheme_of(stored)})

    def _record(
        self,
        event: str,
        account: Account,
        actor: str | None = None,
        detail: dict[str, Any] | None = None,
        ip: str | None = None,
    ) -> None:
        subject = account.subject
        self._audit.record(
            event,
            category="accounts",
            actor=actor or subject,
            subject=subject,
            ip=ip,
            detail=detail,
        )
        self._announce(subject)
        after_commit(lambda: self._announce(subject))

    def _announce(self, subject: str) -> None:
        for hook in self.on_changed:
            hook(subject)
