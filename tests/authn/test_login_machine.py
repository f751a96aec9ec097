"""Any order of steps, tabs, browsers, factors, restarts and policies: nothing forbidden is reached.

The model knows only what was typed where: right passwords, codes and keys, per tab and per session.
A finished sign-in must be covered by that, under the policies as they are in the database then; it
does not know how the real thing decides.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from idp.authn.factors.forgetting import forget_factors
from idp.authn.login.transaction import AlreadyFinished, State, TransactionNotFound
from idp.authn.service import NotFinished
from idp.authn.step_kinds import SecondFactor
from idp.core.vocabulary import Authentication, LoginNeeded
from idp.infra.database import db, dispose, init_database
from idp.infra.ephemeral import EphemeralStore
from idp.settings import Settings
from idp.tenants.models import Membership, Tenant
from idp.tenants.policy import is_bound, policy_of
from tests.authn.facts import RECOVERY
from tests.authn.machine import (
    NUMBERS,
    STEPS,
    LoginPeople,
    Tab,
    happenings,
    needs,
    people,
    ways,
)
from tests.authn.model import Company, Pocket, SignIn, Typed
from tests.people.house import HandClock, House, build_house


class LoginMachine(LoginPeople):
    """What else may happen, and what must be true of every sign-in that finishes."""

    @precondition(lambda self: self.tabs)
    @rule(
        index=st.integers(0, 3),
        step=st.sampled_from(STEPS),
        who=people,
        action=st.sampled_from(
            ["", "", "", "later", "edit", "other-factor", "resend", "register", "lost", "number"]
        ),
        spoil=st.booleans(),
        tenant=st.sampled_from([*NUMBERS, "000000000"]),
        way=ways,
    )
    def post_anything(
        self, index: int, step: str, who: str, action: str, spoil: bool, tenant: str, way: int
    ) -> None:
        """A form of any step, right or wrong, anybody's, whatever is shown."""
        tab = self.pick(index)
        due = self.due(tab)
        if due is None:
            return
        pocket = self.pockets[who]
        form = {**self.form(step, pocket, due, way), "tenant": tenant, "action": action}
        if spoil:
            form |= {"password": "wrong-password", "code": "000000", "credential": "{}"}
        if action == "later" and due.name == step:
            tab.postponed = True
        if due.name == step and not spoil:
            self.post(tab, due, form, pocket)
            return
        before = tab.browser.tx
        outcome = tab.browser.post(step, form)
        if due.name != step:
            assert outcome.moved
            assert tab.browser.tx == before
            assert outcome.step.name == due.name

    @precondition(lambda self: self.tabs)
    @rule(index=st.integers(0, 3), who=people)
    def use_recovery_code(self, index: int, who: str) -> None:
        tab, pocket = self.pick(index), self.pockets[who]
        due = self.due(tab)
        if isinstance(due, SecondFactor) and pocket.codes:
            form = {"code": pocket.codes[-1], "factor": str(RECOVERY)}
            self.post(tab, due, form, pocket)

    # What happens around them

    @rule(happening=happenings, who=people, then=people, way=ways)
    def disturb(self, happening: dict[str, Any], who: str, then: str, way: int) -> None:
        """Whoever is at the latest page goes on all the same, or begins anew."""
        self.happen(who, **happening)
        if not self.tabs or self.due(self.tabs[-1]) is None:
            self.begin(happening["which"], LoginNeeded(client_id="hr", product="hr"))
        self.walk(self.tabs[-1], then, 10, False, way)

    def happen(self, who: str, **happening: Any) -> None:
        """Something that happens to a person, a company, or everybody."""
        what, which = happening["what"], happening["which"]
        house, pocket, tenant = self.house, self.pockets[who], self.tenants[which]
        match what:
            case "restart":
                self.door.restart()
            case "wait":
                self.clock.forward(seconds=happening["seconds"])
            case "policy":
                house.tenants.set_policy(tenant.id, **happening["policy"])
            case "sign_out":
                session = self.browsers[which].session
                if session is not None:
                    self.sessions.pop(session.sid, None)
                    self.door.sessions.end(session)
            case "copy" if pocket.keys:
                # Somebody goes on with an older state of the key.
                pocket.keys[-1].credentials[0].count = 0
        if pocket.account is not None:
            self.happen_to(pocket, tenant, what, happening["status"])

    def happen_to(self, pocket: Pocket, tenant: Tenant, what: str, status: str) -> None:
        """Something that happens to one person."""
        house, account = self.house, pocket.account
        assert account is not None
        found = house.tenants.memberships.find(tenant.id, account.id)
        match what:
            case "lock":
                (house.accounts.lock if status == "locked" else house.accounts.unlock)(account.id)
            case "membership" if found is not None and found.role != "admin":
                house.tenants.memberships.set_status(tenant.id, found.id, status, event="x")  # type: ignore[arg-type]
            case "password":
                self.clock.forward(seconds=1)
                pocket.password = f"neues-langes-Wort-{next(self.words)}"
                house.accounts.set_password(account.id, pocket.password)
                pocket.ended_at = self.clock.now()
            case "reset_factors":
                forget_factors(account.id)
                house.persons.forget(account.subject)
                pocket.forget()
            case "bypass" if found is not None:
                until = self.clock.now() + timedelta(hours=2)
                house.tenants.memberships.set_bypass(tenant.id, found.id, until)
                self.bypasses[found.id] = until

    # The end, and what must be true then

    def end(self, tab: Tab) -> None:
        tab.browser.tx_id = tab.tx_id
        try:
            done = tab.browser.finish()
        except (NotFinished, AlreadyFinished, TransactionNotFound):
            assert not self.spent(), "a bypass was used up by a login that did not end"
            return
        found = done.authentication
        typed = set(tab.typed)
        if found.sid == tab.from_sid:
            typed |= self.sessions.get(found.sid, set())
        self.sessions[found.sid] = typed
        if tab.postponed:
            self.postponed.add(found.sid)
        oldest = tab.needed.max_age
        start = tab.begun - timedelta(seconds=10**9 if oldest is None else oldest)
        judged = self.judged(found, typed, start, tab.needed)
        for membership_id in self.spent():
            assert self.clock.now() < self.bypasses.pop(membership_id)
            company = next(c for c in judged.asking if c.membership_id == membership_id)
            assert company.bound
            assert not judged.is_met(company), "used up without need"
            self.bypassed.setdefault(found.sid, set()).add(membership_id)
        replace(judged, bypassed=frozenset(self.bypassed.get(found.sid, ()))).check()
        if done.remembered_cookie:
            self.remembered.setdefault(judged.pocket.email, []).append(self.clock.now())
        assert tab.browser.tx.state is State.FINISHED

    @rule(which=st.integers(0, 1), needed=needs)
    def silently(self, which: int, needed: LoginNeeded) -> None:
        """The session alone, as at a silent sign-on."""
        session = self.browsers[which].session
        person = self.house.persons.load(session.subject) if session is not None else None
        if session is None or person is None:
            return
        found = self.door.authn.authentication_for(session, person, needed)
        if found is None:
            return
        assert not needed.select_account
        oldest = 10**9 if needed.max_age is None else needed.max_age
        start = self.clock.now() - timedelta(seconds=oldest)
        typed = self.sessions.get(session.sid, set())
        self.judged(found, typed, start, needed).check()
        assert not self.spent()

    def judged(
        self, found: Authentication, typed: set[Typed], start: datetime, needed: LoginNeeded
    ) -> SignIn:
        """The sign-in with what is known around it."""
        pocket = next(
            p for p in self.pockets.values() if p.account and p.account.subject == found.subject
        )
        companies = self.companies(pocket)
        entered = companies.get(found.tenant_id or "")
        if needed.client_id is not None:
            assert entered is not None
        return SignIn(
            found=found,
            pocket=pocket,
            typed=frozenset(t for t in typed if t.at >= start),
            needed=needed,
            now=self.clock.now(),
            postponed=found.sid in self.postponed,
            bypassed=frozenset(self.bypassed.get(found.sid, ())),
            remembered=tuple(self.remembered.get(pocket.email, ())),
            entered=entered,
            asking=tuple(
                companies.values() if needed.client_id is None else filter(None, [entered])
            ),
        )

    def companies(self, pocket: Pocket) -> dict[str, Company]:
        """The companies whose active member the person is, as they are in the database."""
        db.session.rollback()
        assert pocket.account is not None
        db.session.refresh(pocket.account)
        assert pocket.account.status == "active"
        rows = db.session.query(Membership).filter_by(account_id=pocket.account.id, status="active")
        found = {}
        for row in rows:
            tenant = db.session.get_one(Tenant, row.tenant_id)
            policy = policy_of(tenant)
            bound = is_bound(policy, row.role, row.mfa_selected)
            found[row.tenant_id] = Company(row.id, policy, bound, row.mfa_deadline)
        return found

    def spent(self) -> list[str]:
        """Bypasses that were granted and are not there any more."""
        db.session.rollback()
        kept = {row.id for row in db.session.query(Membership) if row.mfa_bypass_until is not None}
        return sorted(set(self.bypasses) - kept)

    def teardown(self) -> None:
        if hasattr(self, "house"):
            assert self.house.audit.verify() == []
        type(self).close()


@pytest.fixture
def houses(
    store: EphemeralStore, empty_database: Path, settings: Settings, tmp_path: Path
) -> Iterator[tuple[Callable[[], House], Callable[[], None]]]:
    """A fresh house for each run of the machine, with room for many codes."""
    opened: list[Any] = []
    number = count()
    limits = replace(settings.limits, codes_per_hour=100, codes_per_day=100, code_per_account=20)

    def open_house() -> House:
        close_house()
        store.trip([("FLUSHALL",)], repeatable=True)
        folder = tmp_path / f"house{next(number)}"
        folder.mkdir()
        shutil.copy(empty_database, folder / "einlass.sqlite")
        own = replace(
            settings,
            limits=limits,
            database=replace(settings.database, url=f"sqlite:///{folder}/einlass.sqlite"),
        )
        app = Flask("house")
        init_database(app, own)
        context = app.app_context()
        context.push()
        opened.append((app, context))
        return build_house(app, own, store, HandClock())

    def close_house() -> None:
        while opened:
            app, context = opened.pop()
            db.session.remove()
            context.pop()
            dispose(app)

    yield open_house, close_house
    close_house()


def test_nothing_forbidden_is_ever_reached(
    houses: tuple[Callable[[], House], Callable[[], None]],
) -> None:
    class Machine(LoginMachine):
        new_house = staticmethod(houses[0])
        close = staticmethod(houses[1])

    run_state_machine_as_test(
        Machine,
        settings=hypothesis_settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
