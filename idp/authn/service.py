"""Signing in: one login transaction from its begin to a session (S1-S7, M6-M8).

Called by the web for every page of the hosted login, and to tell whether a session satisfies a
request. Every answer comes from ``authn.steps.decide``; a form is taken only for the step that is
due, and what it proves is written by compare-and-set, for the person it was proven for.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from idp.accounts.passwords import Hasher
from idp.accounts.service import AccountService
from idp.authn.answers import Answers, Visit
from idp.authn.beginning import go_on_as, new_transaction
from idp.authn.codes import MailCodes, RecoveryCodeService
from idp.authn.devices import RememberedDevices, digests
from idp.authn.evaluation import Evaluation
from idp.authn.factors import FactorService
from idp.authn.finishing import FinishedLogin, Finishing, authentication_of
from idp.authn.outcome import Outcome, Refused
from idp.authn.ports import Invitations, Memberships, People
from idp.authn.progress import RETRIES, Progress, Settled, TransactionBusy
from idp.authn.registration import InvitationOffer, Registration
from idp.authn.sessions import Session, Sessions
from idp.authn.step import Finished, Step
from idp.authn.steps import Facts, decide
from idp.authn.totp import TotpService
from idp.authn.transaction import (
    LoginTransaction,
    State,
    TransactionStore,
    advance,
    state_of,
)
from idp.authn.vault import Vault
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.randomness import Randomness
from idp.core.vocabulary import Authentication, LoginNeeded
from idp.infra.audit import Audit
from idp.infra.database import after_commit, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.infra.sealing import Sealer
from idp.infra.throttle import Throttle
from idp.settings import Settings

__all__ = ["AuthnService", "FinishedLogin", "NotFinished", "Outcome", "TransactionBusy"]

_PROVEN = frozenset({State.SECOND_FACTOR, State.ENROLL, State.TENANT, State.FINISHED})


class NotFinished(Exception):
    """Something is still asked for; ``step`` is what."""

    def __init__(self, step: Step) -> None:
        super().__init__(step.name)
        self.step = step


class AuthnService:
    """The hosted login, and the one question about sessions.

    ``factors`` serves the account page, ``devices`` lists what is remembered.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        store: EphemeralStore,
        sealer: Sealer,
        throttle: Throttle,
        outbox: Outbox,
        audit: Audit,
        hasher: Hasher,
        sessions: Sessions,
        accounts: AccountService,
        memberships: Memberships,
        people: People,
        invitations: Invitations,
    ) -> None:
        lifetimes = settings.lifetimes
        self._clock = clock
        self._randomness = randomness
        self._people = people
        self._sessions = sessions
        self._vault = Vault(sealer)
        self._transactions = TransactionStore(store, clock, lifetimes.login_transaction)
        self.devices = RememberedDevices(clock, randomness)
        self.factors = FactorService(
            settings=settings,
            store=store,
            sealer=sealer,
            throttle=throttle,
            outbox=outbox,
            audit=audit,
            totp=TotpService(store, clock, randomness),
            recovery_codes=RecoveryCodeService(clock, randomness),
            devices=self.devices,
            accounts=accounts,
            people=people,
        )
        self._registration = Registration(
            clock=clock,
            vault=self._vault,
            outbox=outbox,
            hasher=hasher,
            accounts=accounts,
            people=people,
            mail_codes=MailCodes(store, randomness, sealer, lifetimes.email_code),
            invitations=invitations,
            code_lifetime=lifetimes.email_code,
        )
        self._evaluation = Evaluation(
            clock, sessions, self.devices, people, memberships, self._vault
        )
        self._progress = Progress(
            self._transactions, self._evaluation, self._registration, self.factors, self._vault
        )
        self._answers = Answers(clock, accounts, self.factors, self._registration, self._vault)
        self._finishing = Finishing(
            randomness=randomness,
            transactions=self._transactions,
            sessions=sessions,
            devices=self.devices,
            accounts=accounts,
            memberships=memberships,
            audit=audit,
        )

    # Does a session satisfy a request?

    def step_for(
        self,
        session: Session,
        person: Person,
        needed: LoginNeeded,
        *,
        remembered: bool = False,
        chosen: str | None = None,
    ) -> Step:
        """What the session's person would have to do for the request; ``Finished``: nothing."""
        now = self._clock.now()
        return decide(
            Facts(
                now=now,
                needed=needed,
                email=person.email,
                person=person,
                proofs=session.proofs if session.subject == person.subject else (),
                chosen=chosen,
                kept=session.tenant_id,
                remembered_since=now if remembered else session.remembered_since,
                postponed=session.postponed,
            )
        )

    def authentication_for(
        self, session: Session, person: Person, needed: LoginNeeded, *, remembered: bool = False
    ) -> Authentication | None:
        """The session as an answer to the request, or None when it is not enough."""
        step = self.step_for(session, person, needed, remembered=remembered)
        return authentication_of(person, session.sid, step) if isinstance(step, Finished) else None

    def resume(
        self, tx: LoginTransaction, session: Session, person: Person
    ) -> Authentication | None:
        """The answer to the request that a finished transaction was begun for.

        The same question as above, but for the very session that the transaction led to, with
        the company picked in it, and with the freshness counted from the transaction's begin:
        else a ``max_age`` of a few seconds could never be met.
        """
        if tx.state is not State.FINISHED or tx.sid != session.sid:
            return None
        step = self.step_for(session, person, tx.needed, chosen=tx.tenant_id)
        return authentication_of(person, session.sid, step) if isinstance(step, Finished) else None

    # One login transaction

    def begin(
        self,
        needed: LoginNeeded,
        destination: Mapping[str, Any],
        *,
        browser: str,
        session: Session | None,
        locale: str,
        client_summary: Mapping[str, Any] | None = None,
        device: str | None = None,
    ) -> LoginTransaction:
        """Begin; from a session it goes on with what that has proven.

        ``browser`` and ``device`` are the values of the binding and the remembered-device cookie.
        """
        person = self._people.load(session.subject) if session is not None else None
        tx = self._new(needed, destination, browser, session, locale, client_summary, device)
        if person is not None:
            tx = go_on_as(person, tx, needed)
        return self._add(tx)

    def begin_registration(
        self,
        offer: InvitationOffer,
        destination: Mapping[str, Any],
        *,
        browser: str,
        locale: str,
        session: Session | None = None,
        needed: LoginNeeded | None = None,
        client_summary: Mapping[str, Any] | None = None,
        device: str | None = None,
    ) -> LoginTransaction:
        """Begin with an invitation: registration, or sign-in where the address has an account.

        The password is asked for in any case; a session only ends or goes on at the finish.
        """
        needed = needed or LoginNeeded()
        tx = self._new(needed, destination, browser, session, locale, client_summary, device)
        email, invitation = self._registration.begin(offer)
        return self._add(replace(tx, email=email, invitation=invitation))

    def load(self, tx_id: str, browser: str) -> LoginTransaction:
        """The transaction; raises ``TransactionNotFound``, ``WrongBrowser``."""
        return self._transactions.load(tx_id, browser)

    def due(self, tx: LoginTransaction) -> Step:
        """The step that is due, ready to show; raises ``AlreadyFinished``."""
        return self.look(tx).step

    def look(self, tx: LoginTransaction) -> Outcome:
        """The same with what its page says around it."""
        return self._outcome(self._progress.settle(tx))

    def submit(
        self,
        tx: LoginTransaction,
        step: str,
        form: Mapping[str, str],
        *,
        ip: str,
        user_agent: str = "",
        known_account: str | None = None,
    ) -> Outcome:
        """Take the form of a step, if that is the one due; raises ``AlreadyFinished``."""
        settled = self._progress.settle(tx)
        due = settled.step
        if step != due.name or isinstance(due, Finished):
            return self._outcome(settled, moved=True)
        person = settled.known.facts.person
        visit = Visit(ip, known_account)
        change = self._answers.take(settled.tx, due, person, form, visit)
        if isinstance(change, Refused):
            return self._outcome(settled, errors=change.told())
        if change is None:
            sent = form.get("action") == "resend"
            return self._outcome(settled, notice="code-sent" if sent else "")
        return self._outcome(self._progress.settle(settled.tx, change))

    def finish(
        self, tx: LoginTransaction, *, ip: str, user_agent: str = "", device: str = ""
    ) -> FinishedLogin:
        """Turn it into a session, once; raises ``NotFinished``, ``AlreadyFinished``."""
        for _ in range(RETRIES):
            settled = self._progress.settle(tx)
            step, person = settled.step, settled.known.facts.person
            if not isinstance(step, Finished) or person is None:
                raise NotFinished(self._progress.shown(settled))
            finished = self._finishing.finish(
                settled.tx,
                settled.known,
                person,
                step,
                ip=ip,
                user_agent=user_agent,
                device=device,
            )
            if finished is not None:
                return finished
            tx = self._transactions.reload(tx)
        raise TransactionBusy(tx.id)

    def abandon(self, tx: LoginTransaction) -> None:
        """The person goes back; the transaction is over."""
        for _ in range(RETRIES):
            if tx.state is State.FINISHED:
                self.close(tx)
                return
            if self._transactions.save(advance(tx, State.ABANDONED)) is not None:
                return
            tx = self._transactions.reload(tx)

    def close(self, tx: LoginTransaction) -> bool:
        """Remove it once its result was used; True for exactly one caller."""
        return self._transactions.take(tx)

    # When an account changes

    def password_changed(self, account_id: str, subject: str, keep_sid: str | None) -> None:
        """Remembered devices and sessions end, but for the one the change was made in.

        To be called in the unit of work of the change (``AccountService.on_password_changed``).
        """
        with transaction():
            self.devices.forget_all(account_id)
            self._sessions.end_all(subject, keep=keep_sid)
            if keep_sid is not None:
                after_commit(lambda: self._sessions.keep(subject, keep_sid))

    # Inside

    def _outcome(self, settled: Settled, **more: Any) -> Outcome:
        """What the page of the step needs, from what was decided already."""
        tx, company = settled.tx, None
        if tx.state in _PROVEN and tx.subject is not None:
            company = settled.known.company
        return Outcome(
            self._progress.shown(settled), tx, company.membership if company else None, **more
        )

    def _new(
        self,
        needed: LoginNeeded,
        destination: Mapping[str, Any],
        browser: str,
        session: Session | None,
        locale: str,
        client_summary: Mapping[str, Any] | None,
        device: str | None,
    ) -> LoginTransaction:
        return new_transaction(
            self._randomness.uuid(),
            self._clock.now(),
            needed,
            destination,
            browser=browser,
            session=session,
            locale=locale,
            client=client_summary or {},
            devices=digests(device),
        )

    def _add(self, tx: LoginTransaction) -> LoginTransaction:
        step = decide(self._evaluation.of(tx).facts)
        return self._transactions.add(replace(tx, state=state_of(step)))
