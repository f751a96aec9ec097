"""One step of a login transaction: apply what a form proved, decide, store, ready to be shown."""

from dataclasses import dataclass, replace

from idp.authn.evaluation import Evaluation, Known
from idp.authn.factors import FactorService
from idp.authn.registration import Registration
from idp.authn.step import Enroll, Join, SecondFactor, Step
from idp.authn.steps import decide
from idp.authn.totp import grouped, otpauth_uri
from idp.authn.transaction import (
    AlreadyFinished,
    Change,
    LoginTransaction,
    State,
    TransactionStore,
    advance,
    state_of,
)
from idp.authn.vault import Vault

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
        factors: FactorService,
        vault: Vault,
    ) -> None:
        self._transactions = transactions
        self._evaluation = evaluation
        self._registration = registration
        self._factors = factors
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
        if isinstance(step, Enroll) and tx.totp_secret is None:
            tx = replace(tx, totp_secret=self._vault.seal(self._factors.new_secret()))
        return tx, known, step

    def shown(self, settled: Settled) -> Step:
        """The step with what only exists while it is shown."""
        step, tx = settled.step, settled.tx
        if isinstance(step, SecondFactor) and tx.selected in step.options:
            return replace(step, selected=tx.selected or step.selected)
        if isinstance(step, Enroll) and tx.totp_secret is not None:
            secret = self._vault.unseal(tx.totp_secret)
            return replace(step, secret=grouped(secret), uri=otpauth_uri(secret, tx.email))
        return step
