"""The end of a login transaction: its one move to FINISHED, the session, the device, the audit."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from idp.accounts import at_sign_in
from idp.accounts.service import AccountService
from idp.authn.demands import may_remember
from idp.authn.factors.devices import RememberedDevices
from idp.authn.facts import proven_by
from idp.authn.login.evaluation import Known
from idp.authn.login.transaction import (
    LoginTransaction,
    State,
    TransactionNotFound,
    TransactionStore,
    advance,
)
from idp.authn.ports import Memberships, People
from idp.authn.sessions import Session, Sessions
from idp.authn.step_kinds import Finished
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.randomness import Randomness
from idp.core.user_agents import device_name
from idp.core.vocabulary import Authentication
from idp.infra.audit import Audit
from idp.infra.database import transaction


class NewDevice(Protocol):
    """Told, in the unit of work of the sign-in, that a browser is new to an account.

    ``since``: when the sign-in began, so whatever was set up later may be its doing.
    """

    def __call__(
        self, person: Person, *, sid: str, ip: str, user_agent: str, at: datetime, since: datetime
    ) -> object:
        """Whatever is to follow."""
        ...


@dataclass(frozen=True, slots=True)
class FinishedLogin:
    """The result and the cookies that carry it; no ``remembered_cookie``: keep the old one."""

    authentication: Authentication
    session: Session
    session_cookie: str
    remembered_cookie: str | None = None


class _Overtaken(Exception):
    """Somebody else finished it, changed it, or used up what it relies on."""


class Finishing:
    """Turns a transaction that has proven everything into a session, once."""

    def __init__(
        self,
        *,
        randomness: Randomness,
        transactions: TransactionStore,
        sessions: Sessions,
        devices: RememberedDevices,
        accounts: AccountService,
        memberships: Memberships,
        people: People,
        clock: Clock,
        audit: Audit,
    ) -> None:
        self.on_new_device: list[NewDevice] = []
        self._people = people
        self._clock = clock
        self._randomness = randomness
        self._transactions = transactions
        self._sessions = sessions
        self._devices = devices
        self._accounts = accounts
        self._memberships = memberships
        self._audit = audit

    def finish(
        self,
        tx: LoginTransaction,
        known: Known,
        person: Person,
        step: Finished,
        *,
        ip: str,
        user_agent: str,
        device: str,
        known_account: str | None,
    ) -> FinishedLogin | None:
        """Finish it; None when somebody else changed the transaction, or used up the bypass it
        relies on, in between.
        """
        base = known.base
        same_person = base is not None and base.subject == person.subject
        sid = base.sid if base is not None and same_person else self._randomness.uuid()
        is_first = self._end(tx, sid, step)
        if step.bypassed:
            self._people.forget(person.subject)
        if not is_first:
            return None
        remembered_cookie = None
        with transaction():
            if known_account != person.account_id and tx.proofs:
                self._note_new_device(tx, person, sid, ip, user_agent)
            self._note(tx, person, step, sid, ip, user_agent)
            if base is not None and not same_person:
                self._sessions.end(base)
                self._record("session.ended", base.subject, base.tenant_id, ip)
            if tx.remember_device and may_remember(person, proven_by(known.facts, person)):
                remembered_cookie = self._remember(person, step, ip, user_agent, device)
        if base is not None and same_person:
            renewed = self._sessions.raise_assurance(
                base,
                proofs=tx.proofs,
                tenant_id=step.tenant_id,
                postponed=tx.postponed,
                remembered_since=known.facts.remembered_since,
                bypassed=step.bypassed,
            )
            if renewed is None:  # It ended this moment, and with it what it had proven.
                raise TransactionNotFound(tx.id)
            session, cookie = renewed
        else:
            session, cookie = self._sessions.start(
                subject=person.subject,
                account_id=person.account_id,
                proofs=tx.proofs,
                tenant_id=step.tenant_id,
                user_agent=user_agent,
                ip=ip,
                postponed=tx.postponed,
                remembered_since=known.facts.remembered_since,
                bypassed=step.bypassed,
                sid=sid,
            )
        return FinishedLogin(
            authentication_of(person, sid, step), session, cookie, remembered_cookie
        )

    def _end(self, tx: LoginTransaction, sid: str, step: Finished) -> bool:
        """The move to FINISHED, and the bypasses it uses up: both, or neither and False."""
        done = advance(replace(tx, sid=sid), State.FINISHED)
        if not step.bypassed:
            return self._transactions.save(done) is not None
        try:
            with transaction():
                used = all(self._memberships.use_bypass(one) for one in step.bypassed)
                if not used or self._transactions.save(done) is None:
                    raise _Overtaken
        except _Overtaken:
            return False
        return True

    def _note_new_device(
        self, tx: LoginTransaction, person: Person, sid: str, ip: str, user_agent: str
    ) -> None:
        """An account that has been signed in to before, from a browser that never has."""
        if at_sign_in.last_sign_in(person.account_id) is None:
            return
        for told in self.on_new_device:
            now = self._clock.now()
            told(person, sid=sid, ip=ip, user_agent=user_agent, at=now, since=tx.created_at)

    def _note(
        self,
        tx: LoginTransaction,
        person: Person,
        step: Finished,
        sid: str,
        ip: str,
        user_agent: str,
    ) -> None:
        membership = person.membership_of(step.tenant_id)
        if any(proof.is_first_factor for proof in tx.proofs):
            self._accounts.note_sign_in(person.account_id)
        if membership is not None:
            self._memberships.note_sign_in(membership.membership_id)
        if not tx.proofs:
            return
        detail: dict[str, Any] = {
            "sid": sid,
            "acr": step.acr,
            "factors": sorted({proof.factor.value for proof in tx.proofs}),
            "device": device_name(user_agent),
        }
        client_id = tx.needed.client_id
        self._record("sign_in.succeeded", person.subject, step.tenant_id, ip, client_id, detail)

    def _record(
        self,
        event: str,
        subject: str,
        tenant_id: str | None,
        ip: str,
        client_id: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        self._audit.record(
            event,
            category="sign-in",
            tenant_id=tenant_id,
            actor=subject,
            subject=subject,
            client_id=client_id,
            ip=ip,
            detail=detail,
        )

    def _remember(
        self, person: Person, step: Finished, ip: str, user_agent: str, device: str
    ) -> str | None:
        """Remember the browser for as long as the company entered, or the strictest, lets it."""
        membership = person.membership_of(step.tenant_id)
        active = [m for m in person.memberships if m.status == "active"]
        days = min(
            (m.policy.remember_days for m in ([membership] if membership else active)), default=0
        )
        if days <= 0:
            return None
        return self._devices.remember(person.account_id, days, device, user_agent=user_agent, ip=ip)


def authentication_of(person: Person, sid: str, step: Finished) -> Authentication:
    """The finished sign-in as the protocol takes it."""
    membership = person.membership_of(step.tenant_id)
    return Authentication(
        subject=person.subject,
        account_id=person.account_id,
        tenant_id=step.tenant_id,
        customer_number=membership.customer_number if membership else None,
        sid=sid,
        auth_time=step.auth_time,
        acr=step.acr,
        amr=step.amr,
    )
