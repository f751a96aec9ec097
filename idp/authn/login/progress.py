"""One step of a login transaction: apply what a form proved, decide, store, ready to be shown."""

from dataclasses import dataclass, replace

from idp.authn.factors.enrolment import Enrolment
from idp.authn.login.evaluation import Evaluation, Known
from idp.authn.login.registration import Registration
from idp.authn.login.transaction import (
    AlreadyFinished,
    Change,
    LoginTransaction,
    State,
    TransactionStore,
    advance,
    state_of,
)
from idp.authn.login.vault import Vault
from idp.authn.step_kinds import Enroll, Join, NoCompany, Step
from idp.authn.steps import decide
from idp.core.vocabulary import Factor

RETRIES = 10


class TransactionBusy(Exception):
    """Other posts kept changing the transaction; worth trying again."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A transaction as stored, and the decision on it."""

    tx: LoginTransaction
    known: Known
    step: Step


class Progress:
    """Brings a transaction to the step that is due."""

    def __init__(
        self,
        transactions: TransactionStore,
        evaluation: Evaluation,
        registration: Registration,
        enrolment: Enrolment,
        vault: Vault,
    ) -> None:
        self._transactions = transactions
        self._evaluation = evaluation
        self._registration = registration
        self._enrolment = enrolment
        self._vault = vault

    def settle(self, tx: LoginTransaction, change: Change | None = None) -> Settled:
        """Apply a change, decide, and store the result; a lost race is run again.

        The change is dropped when another person may be behind the transaction by then.
        """
        meant_for = tx.round
        for _ in range(RETRIES):
            if tx.state is State.FINISHED:
                raise AlreadyFinished(tx)
            changed = change(tx) if change and tx.round == meant_for else tx
            changed, known, step = self._decide(changed)
            saved = self._transactions.save(advance(changed, state_of(step)))
            if saved is not None:
                return Settled(saved, known, step)
            tx = self._transactions.reload(tx)
        raise TransactionBusy(tx.id)

    def _decide(self, tx: LoginTransaction) -> tuple[LoginTransaction, Known, Step]:
        known = self._evaluation.of(tx)
        step = decide(known.facts)
        if isinstance(step, Join) and known.proven is not None:
            tx = self._registration.join(tx, known.proven)(tx)
            known = self._evaluation.of(tx)
            step = decide(known.facts)
        if isinstance(step, NoCompany):
            # Another tab may be joining one: then what was read of the person is half of before.
            known = self._evaluation.afresh(tx)
            step = decide(known.facts)
        if isinstance(step, Enroll):
            tx = self._set_up(tx, step)
        return tx, known, step

    def _set_up(self, tx: LoginTransaction, step: Enroll) -> LoginTransaction:
        """The factor that is shown first, and the key of an app once one is to be set up."""
        enrolling = tx.enrolling if tx.enrolling in step.factors else step.selected
        if enrolling is Factor.TOTP and tx.totp_secret is None:
            tx = replace(tx, totp_secret=self._vault.seal(self._enrolment.new_secret()))
        return tx
