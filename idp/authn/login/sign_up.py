"""Registration from nothing: an address, names and a password, a mailed code, the account (S3, S4).

Part of the login transaction, after an address that is no account's. What is typed is kept there
as ``registration`` until the address is confirmed. Here nothing tells whether an address has an
account: one that has gets the same page and another mail, and no code is ever right for it. So
only who reads the mail learns it, also where accounts are not hidden otherwise.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from idp.accounts.guessing import network_of
from idp.accounts.models import Account
from idp.accounts.service import AccountService, EmailTaken
from idp.authn.factors.codes import ResendTooSoon
from idp.authn.facts import Proof
from idp.authn.login.new_accounts import Applicant, NewAccounts
from idp.authn.login.outcome import Refused
from idp.authn.login.transaction import Change, LoginTransaction
from idp.authn.ports import Arrivals, People
from idp.core.clock import Clock
from idp.core.vocabulary import Factor
from idp.infra.audit import Audit
from idp.infra.database import transaction
from idp.infra.outbox import Outbox
from idp.infra.throttle import Limit, Throttle, Throttled
from idp.settings import Settings

_HOUR = 3600


class SignUp:
    """The steps of somebody who has no account and no invitation."""

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        throttle: Throttle,
        outbox: Outbox,
        audit: Audit,
        accounts: AccountService,
        people: People,
        arrivals: Arrivals,
        new_accounts: NewAccounts,
    ) -> None:
        limits = settings.limits
        self._per_network = Limit("registration-network", limits.registrations, _HOUR)
        self._wrong_codes = Limit("registration-codes", limits.registrations, _HOUR)
        self._issuer = settings.issuer
        self._clock = clock
        self._throttle = throttle
        self._outbox = outbox
        self._audit = audit
        self._accounts = accounts
        self._people = people
        self._arrivals = arrivals
        self._new_accounts = new_accounts

    def register(
        self, tx: LoginTransaction, form: Mapping[str, str], *, ip: str
    ) -> Change | Refused:
        """Names and new password; then a code is on its way to the address."""
        network = network_of(ip)
        try:
            self._throttle.check(self._per_network, network)  # Before any password is hashed.
            typed = self._new_accounts.check_form(form, tx.email)
            if isinstance(typed, Refused):
                return typed
            self._throttle.attempt(self._per_network, network)
        except Throttled as error:
            return Refused({"": "throttled"}, error.retry_after)
        applicant = _applicant(tx)
        known = self._accounts.find_by_email(tx.email)
        try:
            self._send(applicant, known, ip)
        except ResendTooSoon as error:
            if not self._new_accounts.has_code(applicant):
                return Refused({"": "throttled"}, error.retry_after)
        kept = {"stage": "verify-email", "known": "1" if known else "", **typed}
        return lambda t: replace(t, registration=kept)

    def resend(self, tx: LoginTransaction, *, ip: str) -> Refused | None:
        """Another code; the one before is dead."""
        kept = _kept(tx)
        known = self._accounts.find_by_email(tx.email) if kept["known"] else None
        try:
            self._throttle.attempt(self._per_network, network_of(ip))
            self._send(_applicant(tx), known, ip)
        except Throttled as error:
            return Refused({"code": "throttled"}, error.retry_after)
        except ResendTooSoon as error:
            return Refused({"code": "resend-too-soon"}, error.retry_after)
        return None

    def verify_email(self, tx: LoginTransaction, code: str, *, ip: str) -> Change | Refused | None:
        """With the right code the account exists, and its new password has just been proven.

        Only now is it told whether a company has prepared the address: one with central accounts
        is joined, one whose products still have their own logins is named before there is one
        account too many.
        """
        kept, applicant = _kept(tx), _applicant(tx)
        # Guesses at codes for strangers' addresses: few for each address, and few for all of them.
        try:
            self._throttle.check(self._wrong_codes, network_of(ip))
        except Throttled as error:
            return Refused({"code": "throttled"}, error.retry_after)
        refused = self._new_accounts.check_code(applicant, code)
        if refused is None and kept["known"]:
            refused = Refused({"code": "mail-code-invalid"})
        if refused is not None:
            if refused.errors["code"] == "mail-code-invalid":
                self._throttle.hit(self._wrong_codes, network_of(ip))
            return refused
        return self.go_on(tx)

    def go_on(self, tx: LoginTransaction, *, anyway: bool = False) -> Change | None:
        """Make the account of a confirmed address; ``anyway``: although its company needs none yet.

        Where somebody else was quicker with the same address, its account is signed in to instead.
        """
        kept, now = _kept(tx), self._clock.now()
        prepared = self._arrivals.prepared_for(tx.email)
        local = [one.tenant_name for one in prepared if one.state == "local"]
        if local and len(local) == len(prepared) and not anyway:
            told = {**kept, "stage": "still-local", "still_local": local}
            return None if told == kept else lambda t: replace(t, registration=told)
        try:
            with transaction():
                account = self._new_accounts.create(_applicant(tx), kept)
                self._arrivals.claim(account.id)
        except EmailTaken:
            return lambda t: replace(t, registration=None, registering=False, address="known")
        subject = account.subject
        self._people.forget(subject)
        return lambda t: replace(
            t,
            registration=None,
            registering=False,
            address="known",
            subject=subject,
            proofs=(Proof(Factor.PASSWORD, now),),
        )

    def _send(self, applicant: Applicant, known: Account | None, ip: str) -> None:
        """Mail the code; where the address has an account, say so there instead."""
        with transaction():
            if known is None:
                self._new_accounts.send_code(applicant)
            else:
                # A code is made all the same, so that it expires and bears tries like any other.
                self._new_accounts.issue_code(applicant)
                context = {
                    "given_name": known.given_name or "",
                    "link": f"{self._issuer}/account",
                    "reset_link": f"{self._issuer}/password/forgot",
                }
                self._outbox.mail(known.email, "account-exists", known.locale, context)
            self._audit.record(
                "registration.requested",
                category="accounts",
                subject=known.subject if known else None,
                ip=ip,
                outcome="failure" if known else "success",
            )


def _kept(tx: LoginTransaction) -> Mapping[str, Any]:
    if tx.registration is None:
        raise ValueError("nobody registers in this sign-in")
    return tx.registration


def _applicant(tx: LoginTransaction) -> Applicant:
    """Without the name that was typed: else anybody could have us mail their words to strangers."""
    return Applicant(tx.id, tx.email, tx.locale)
