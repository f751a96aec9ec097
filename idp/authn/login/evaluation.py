"""Gathers the facts of a login transaction for ``authn.steps.decide``: person, session, device."""

from dataclasses import dataclass, replace

from idp.authn.companies import Company, binds, find_company
from idp.authn.factors.devices import RememberedDevices
from idp.authn.facts import Facts, SigningUp, proven_by
from idp.authn.login.registration import invited
from idp.authn.login.transaction import LoginTransaction
from idp.authn.login.vault import Vault
from idp.authn.ports import Arrivals, Memberships, People, Prepared
from idp.authn.sessions import Session, Sessions
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.vocabulary import Factor


@dataclass(frozen=True, slots=True)
class Known:
    """The facts, and the session the transaction was begun from, if it still lives."""

    facts: Facts
    base: Session | None

    @property
    def proven(self) -> Person | None:
        """The person, once a password or passkey says that it is them."""
        facts = self.facts
        if facts.person is None:
            return None
        is_proven = proven_by(facts, facts.person).first_factor_at is not None
        return facts.person if is_proven else None

    @property
    def company(self) -> Company | None:
        """Where the sign-in leads, as far as it is settled."""
        if (person := self.proven) is None:
            return None
        facts = self.facts
        return find_company(person, facts.needed, chosen=facts.chosen, kept=facts.kept)

    @property
    def company_to_help(self) -> str | None:
        """The company whose admins can help: the one entered, else the first that binds them."""
        company = self.company
        if company is None:
            return None
        if company.membership is not None:
            return company.membership.tenant_id
        candidates = sorted(company.members, key=lambda m: not binds(m))
        return candidates[0].tenant_id if candidates else None


class Evaluation:
    """Reads what a decision depends on, anew for every page and every form."""

    def __init__(
        self,
        clock: Clock,
        sessions: Sessions,
        devices: RememberedDevices,
        people: People,
        memberships: Memberships,
        arrivals: Arrivals,
        vault: Vault,
        available: frozenset[Factor],
        may_join: bool,
    ) -> None:
        self._available = available
        self._may_join = may_join
        self._clock = clock
        self._sessions = sessions
        self._devices = devices
        self._people = people
        self._memberships = memberships
        self._arrivals = arrivals
        self._vault = vault

    def of(self, tx: LoginTransaction) -> Known:
        """All that is known now. Fixes the deadline of a member whom a policy binds first now."""
        base = None
        if tx.base_subject and tx.base_sid:
            base = self._sessions.find(tx.base_subject, tx.base_sid)
        person = self._people.load(tx.subject) if tx.subject else None
        known = self._known(tx, person, base)
        if known.proven is not None and (marked := self._mark_due(known.proven)) is not None:
            known = self._known(tx, marked, base)
        if known.proven is not None and (prepared := self._prepared(known.proven)):
            known = replace(known, facts=replace(known.facts, prepared=prepared))
        return known

    def afresh(self, tx: LoginTransaction) -> Known:
        """The same, with nothing of the person taken from before."""
        if tx.subject:
            self._people.forget(tx.subject)
        return self.of(tx)

    def _prepared(self, person: Person) -> tuple[Prepared, ...]:
        """What is known of an address is for who has confirmed it, not for who only claims it."""
        if not person.email_verified:
            return ()
        return self._arrivals.prepared_for(person.email, person.account_id)

    def _known(self, tx: LoginTransaction, person: Person | None, base: Session | None) -> Known:
        continued = base if tx.continued and base and base.subject == tx.subject else None
        remembered_since = continued.remembered_since if continued else None
        if person is not None and tx.devices:
            device = self._devices.find(person.account_id, tx.devices)
            if device is not None:
                remembered_since = max(device.created_at, remembered_since or device.created_at)
        codes = self._vault.unseal(tx.recovery_codes) if tx.recovery_codes else ""
        facts = Facts(
            now=self._clock.now(),
            needed=tx.needed,
            email=tx.email,
            address=tx.address,
            passkey_known=tx.passkey_known,
            prefer_password=tx.prefer_password,
            registering=tx.registering,
            signing_up=_signing_up(tx),
            person=person,
            proofs=(continued.proofs if continued else ()) + tx.proofs,
            chosen=tx.tenant_id,
            kept=continued.tenant_id if continued and not tx.choosing else None,
            remembered_since=remembered_since,
            postponed=tx.postponed or (continued is not None and continued.postponed),
            lost=tx.lost,
            bypassed=frozenset(continued.bypassed if continued else ()),
            may_bypass=True,
            may_join=self._may_join,
            recovery_codes=tuple(codes.split()),
            invited=invited(tx),
            available=self._available,
            began=tx.created_at,
            not_yet=tx.not_yet,
            agreed=tx.agreed,
        )
        return Known(facts, base)

    def _mark_due(self, person: Person) -> Person | None:
        unmarked = [
            m
            for m in person.memberships
            if m.status == "active" and m.mfa_deadline is None and binds(m)
        ]
        if not unmarked:
            return None
        for membership in unmarked:
            self._memberships.mark_due(membership.membership_id, self._clock.now())
        self._people.forget(person.subject)
        return self._people.load(person.subject)


def _signing_up(tx: LoginTransaction) -> SigningUp | None:
    """How far an account is that is being made without an invitation."""
    if tx.registration is None:
        return None
    kept = tx.registration
    names = kept.get("given_name", ""), kept.get("family_name", "")
    return SigningUp(kept["stage"], *names, tuple(kept.get("still_local", ())))
