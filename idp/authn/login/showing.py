"""A step with what only exists while it is shown: challenges, keys, codes on their way, helpers.

Nothing is decided here, and showing a page twice changes nothing: a code that is on its way is not
sent again, challenges keep no state.
"""

from dataclasses import replace

from idp.authn.factors.checking import FactorService
from idp.authn.factors.destinations import masked_address
from idp.authn.factors.enrolment import Enrolment
from idp.authn.factors.sent_codes import SendRefused
from idp.authn.factors.totp import grouped, otpauth_uri
from idp.authn.login.factor_answers import bound_to
from idp.authn.login.progress import Settled
from idp.authn.login.transaction import LoginTransaction
from idp.authn.login.vault import Vault
from idp.authn.ports import Help
from idp.authn.step_kinds import Enroll, Identify, LostFactor, Passkey, SecondFactor, Step
from idp.core.person import Person
from idp.core.vocabulary import SENT_FACTORS, Factor


class Showing:
    """Fills in what the page of a step needs."""

    def __init__(
        self, factors: FactorService, enrolment: Enrolment, help: Help, vault: Vault
    ) -> None:
        self._factors = factors
        self._enrolment = enrolment
        self._help = help
        self._vault = vault

    def shown(self, settled: Settled) -> Step:
        """The step, ready to be drawn."""
        tx, person = settled.tx, settled.known.facts.person
        step = as_chosen(settled.step, tx)
        match step:
            case Identify():
                return replace(step, passkey=self._request(tx, None))
            case Passkey():
                return replace(step, passkey=self._request(tx, person))
            case SecondFactor() if person is not None:
                return self._second_factor(step, tx, person)
            case Enroll() if person is not None:
                return self._enroll(step, tx, person)
            case LostFactor() if person is not None:
                helper = self._help.helper_of(person, settled.known.company_to_help)
                return replace(step, helper=helper, asked=self._help.was_asked(person))
            case _:
                return step

    def _request(self, tx: LoginTransaction, person: Person | None) -> dict[str, object] | None:
        """Options for a passkey in place of the password."""
        if Factor.WEBAUTHN not in self._factors.available:
            return None
        account_id = person.account_id if person is not None else None
        return self._factors.passkeys.request_options(bound_to(tx), account_id, verified=True)

    def _second_factor(self, step: SecondFactor, tx: LoginTransaction, person: Person) -> Step:
        if SENT_FACTORS.intersection(step.options):
            step = replace(step, destinations=self._factors.destinations(person))
        if step.selected is Factor.WEBAUTHN:
            passkeys = self._factors.passkeys
            return replace(step, passkey=passkeys.request_options(bound_to(tx), person.account_id))
        if step.selected in SENT_FACTORS:
            try:
                self._factors.send(person, step.selected, bound_to(tx), locale=tx.locale)
            except SendRefused as error:
                return replace(step, unsent=error.code, retry_after=error.retry_after)
        return step

    def _enroll(self, step: Enroll, tx: LoginTransaction, person: Person) -> Step:
        if Factor.WEBAUTHN in step.factors:
            options = self._factors.passkeys.creation_options(person, bound_to(tx))
            step = replace(step, passkey=options)
        if step.selected is Factor.TOTP and tx.totp_secret is not None:
            secret = self._vault.unseal(tx.totp_secret)
            return replace(step, secret=grouped(secret), uri=otpauth_uri(secret, tx.email))
        if step.selected in SENT_FACTORS and tx.enroll_to is not None:
            return replace(step, destination=masked_address(self._vault.unseal(tx.enroll_to)))
        return step


def as_chosen(step: Step, tx: LoginTransaction) -> Step:
    """The step with the factor that the person has picked, if that is one that would do."""
    if isinstance(step, SecondFactor) and tx.selected is not None and tx.selected in step.options:
        return replace(step, selected=tx.selected, listing=tx.listing)
    if isinstance(step, Enroll) and tx.enrolling is not None and tx.enrolling in step.factors:
        return replace(step, selected=tx.enrolling)
    return step
