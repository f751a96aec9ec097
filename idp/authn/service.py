"""Signing in: one login transaction from its begin to a session (S1-S7, M6-M8).

Called by the web for every page of the hosted login, and to tell whether a session satisfies a
request. Every answer comes from ``authn.steps.decide``; a form is taken only for the step that is
due, and what it proves is written by compare-and-set, for the person it was proven for.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from idp.authn.factors.devices import digests
from idp.authn.facts import Facts
from idp.authn.login.answers import Visit
from idp.authn.login.beginning import go_on_as, new_transaction
from idp.authn.login.finishing import FinishedLogin, NewDevice, authentication_of
from idp.authn.login.outcome import Outcome, Refused
from idp.authn.login.progress import RETRIES, Settled, TransactionBusy
from idp.authn.login.registration import InvitationOffer
from idp.authn.login.showing import as_chosen
from idp.authn.login.transaction import LoginTransaction, State, advance, state_of
from idp.authn.parts import Parts
from idp.authn.sessions import Session
from idp.authn.step_kinds import Finished, Step
from idp.authn.steps import decide
from idp.core.person import Person
from idp.core.vocabulary import Authentication, LoginNeeded
from idp.infra.database import after_commit, transaction

__all__ = ["AuthnService", "FinishedLogin", "NotFinished", "Outcome", "TransactionBusy"]

_PROVEN = frozenset({State.SECOND_FACTOR, State.ENROLL, State.TENANT, State.FINISHED})


class NotFinished(Exception):
    """Something is still asked for; ``step`` is what."""

    def __init__(self, step: Step) -> None:
        super().__init__(step.name)
        self.step = step


class AuthnService:
    """The hosted login, and the one question about sessions.

    ``own_factors`` serves the account page, ``devices`` lists what is remembered.
    """

    def __init__(self, parts: Parts) -> None:
        self._clock = parts.clock
        self._randomness = parts.randomness
        self._people = parts.people
        self._sessions = parts.sessions
        self._starts = parts.starts
        self._transactions = parts.transactions
        self._registration = parts.registration
        self._evaluation = parts.evaluation
        self._progress = parts.progress
        self._showing = parts.showing
        self._answers = parts.answers
        self._finishing = parts.finishing
        self.devices = parts.devices
        self.factors = parts.factors
        self.own_factors = parts.own_factors

    @property
    def on_new_device(self) -> list[NewDevice]:
        """Told of each sign-in from a browser that is new to the account."""
        return self._finishing.on_new_device

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
                bypassed=frozenset(session.bypassed),
                available=self.factors.available,
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
        registering: bool = False,
        ip: str | None = None,
    ) -> LoginTransaction:
        """Begin; from a session it goes on with what that has proven.

        ``browser`` and ``device`` are the values of the binding and the remembered-device cookie;
        ``registering``: to make an account. Raises ``Throttled`` for a network (``ip``) that
        begins too many without a session.
        """
        person = self._people.load(session.subject) if session is not None else None
        if person is None and ip is not None:
            self._starts.check(ip)
        tx = self._new(needed, destination, browser, session, locale, client_summary, device)
        if registering:
            tx = replace(tx, registering=True)
        elif person is not None:
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

        Password or passkey is asked for in any case; a session only ends or goes on at the finish.
        """
        needed = needed or LoginNeeded()
        tx = self._new(needed, destination, browser, session, locale, client_summary, device)
        email, has_passkey, invitation = self._registration.begin(offer)
        tx = replace(tx, email=email, passkey_known=has_passkey, invitation=invitation)
        return self._add(tx)

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
        due = as_chosen(due, settled.tx)
        visit = Visit(ip, known_account, user_agent)
        change = self._answers.take(settled.tx, due, settled.known, form, visit)
        if isinstance(change, Refused):
            return self._outcome(settled, errors=change.told())
        if change is None:
            sent = form.get("action") == "resend"
            return self._outcome(settled, notice="code-sent" if sent else "")
        return self._outcome(self._progress.settle(settled.tx, change))

    def finish(
        self,
        tx: LoginTransaction,
        *,
        ip: str,
        user_agent: str = "",
        device: str = "",
        known_account: str | None = None,
        settled: Settled | None = None,
    ) -> FinishedLogin:
        """Turn it into a session, once; raises ``NotFinished``, ``AlreadyFinished``.

        ``settled``: what this very request has decided of the transaction as it is stored.
        """
        for _ in range(RETRIES):
            settled = settled or self._progress.settle(tx)
            step, person = settled.step, settled.known.facts.person
            if not isinstance(step, Finished) or person is None:
                raise NotFinished(self._showing.shown(settled))
            finished = self._finishing.finish(
                settled.tx,
                settled.known,
                person,
                step,
                ip=ip,
                user_agent=user_agent,
                device=device,
                known_account=known_account,
            )
            if finished is not None:
                return finished
            tx, settled = self._transactions.reload(tx), None
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
            self._showing.shown(settled),
            tx,
            company.membership if company else None,
            settled=settled,
            **more,
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
