"""Any order of steps, tabs, browsers, restarts and policies: nothing forbidden is ever reached.

The model knows only what was typed where: right passwords and codes, per tab and per session. A
finished sign-in must be covered by that, under the policies as they are in the database then; it
does not know how the real thing decides.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from idp.accounts.models import Account
from idp.authn.login.transaction import AlreadyFinished, State, TransactionNotFound, WrongBrowser
from idp.authn.service import NotFinished
from idp.authn.step import ChooseTenant, Enroll, Finished, Step
from idp.core.vocabulary import ACR_MULTI, Factor, LoginNeeded
from idp.infra.database import db, dispose, init_database
from idp.infra.ephemeral import EphemeralStore
from idp.settings import Settings
from idp.tenants.models import Membership, Tenant
from idp.tenants.policy import is_bound, policy_of
from tests.authn.door import App, Browser, Door, build_authn
from tests.people.house import PASSWORD, HandClock, House, build_house

PEOPLE = ("anna@nord.example", "erik@nord.example", "mara@example.com")
NUMBERS = ("012345678", "087654321")
people = st.sampled_from(PEOPLE)
pages = st.sampled_from([1, 2, 2, 2, 3, 8])
policies = st.fixed_dictionaries(
    {
        "mfa": st.sampled_from(["admins", "selected", "everyone", "everyone"]),
        "grace_days": st.sampled_from([0, 3]),
        "remember_days": st.sampled_from([0, 3]),
    }
)
happenings = st.fixed_dictionaries(
    {
        "what": st.sampled_from(
            [
                *("restart", "wait", "wait", "policy", "lock", "membership", "password"),
                *("password", "reset_factors", "sign_out", "edit"),
            ]
        ),
        "which": st.integers(0, 1),
        "seconds": st.sampled_from([1, 61, 900, 40000, 2 * 86400, 4 * 86400]),
        "policy": policies,
        "status": st.sampled_from(["active", "locked", "locked", "waiting"]),
    }
)
STEPS = (
    *("identify", "password", "second-factor", "enroll", "recovery-codes", "tenant"),
    *("locked", "waiting", "not-booked", "join-company", "no-allowed-factor", "finished", "x"),
)
needs = st.builds(
    LoginNeeded,
    acr_level=st.sampled_from([1, 1, 1, 2]),
    max_age=st.sampled_from([None, None, 0, 60]),
    client_id=st.sampled_from([None, "hr", "hr"]),
    product=st.just("hr"),
    tenant_hint=st.sampled_from([None, None, *NUMBERS]),
    select_account=st.sampled_from([False, False, True]),
).map(lambda needed: needed if needed.client_id else replace(needed, product=None))


@dataclass(frozen=True)
class Typed:
    """Something right that was typed: whose, which factor, when."""

    email: str
    factor: Factor
    at: datetime


@dataclass
class Tab:
    """One login in one browser, and what was typed in it."""

    browser: Browser
    tx_id: str
    needed: LoginNeeded
    begun: datetime
    from_sid: str | None
    typed: set[Typed] = field(default_factory=set)
    postponed: bool = False


class LoginMachine(RuleBasedStateMachine):
    """Two browsers with any number of tabs, three people in two companies."""

    new_house: Callable[[], House]
    close: Callable[[], None]

    @initialize(rules=st.lists(policies, min_size=2, max_size=2), enrolled=st.sets(people))
    def open(self, rules: list[dict[str, Any]], enrolled: set[str]) -> None:
        self.house = type(self).new_house()
        self.door = Door(self.house, build_authn(self.house))
        self.clock = self.house.clock
        self.tenants: list[Tenant] = []
        for number, name in zip(NUMBERS, ("Nord GmbH", "Süd AG"), strict=True):
            tenant = self.house.tenants.create(number, name)
            self.house.tenants.set_products(tenant.id, ["hr"])
            self.tenants.append(tenant)
        nord, sued = self.tenants
        self.accounts: dict[str, Account] = {}
        for email, tenant, role in (
            (PEOPLE[0], nord, "admin"),
            (PEOPLE[1], nord, "employee"),
            (PEOPLE[2], nord, "employee"),
            (PEOPLE[2], sued, "employee"),
        ):
            self.accounts[email], _ = self.house.member(tenant, email, role)
        self.passwords = dict.fromkeys(PEOPLE, PASSWORD)
        self.apps: dict[str, App] = {}
        self.unused: dict[str, list[str]] = {}
        self.browsers = [self.door.browser("one"), self.door.browser("two")]
        self.tabs: list[Tab] = []
        self.sessions: dict[str, set[Typed]] = {}
        self.postponed: set[str] = set()
        self.not_before: dict[str, datetime] = {}
        self.words = count()
        for email in sorted(enrolled):
            self.apps[email] = self.door.enroll(self.accounts[email])
            self.unused[email] = list(self.apps[email].recovery_codes)
        for tenant, rule_ in zip(self.tenants, rules, strict=True):
            self.house.tenants.set_policy(tenant.id, **rule_)
        self.house.accounts.on_password_changed.append(
            lambda *change: self.door.authn.password_changed(*change)
        )

    # What people do

    def begin(self, which: int, needed: LoginNeeded) -> None:
        browser = self.browsers[which]
        session = browser.session
        browser.begin(needed)
        tab = Tab(
            browser,
            browser.tx_id,
            needed,
            self.clock.now(),
            session.sid if session else None,
        )
        self.tabs.append(tab)
        # The other browser never gets at it.
        other = next(b for b in self.browsers if b is not browser)
        with pytest.raises(WrongBrowser):
            self.door.authn.load(tab.tx_id, other.binding)

    def pick(self, index: int) -> Tab:
        """A tab, one of the latest."""
        return self.tabs[-1 - index % min(len(self.tabs), 4)]

    def due(self, tab: Tab) -> Step | None:
        tab.browser.tx_id = tab.tx_id
        try:
            return tab.browser.due()
        except (TransactionNotFound, NotFinished):
            return None

    def form(self, step: str, email: str, tab: Tab, due: Step | None) -> dict[str, str]:
        """The right thing to type at a step, for that person."""
        if isinstance(due, Enroll) and step == "enroll":
            return {"code": App(due.secret, self.door).code()}
        code = self.apps[email].code() if email in self.apps else "000000"
        options = due.options if isinstance(due, ChooseTenant) else ()
        number = options[0].customer_number if options else NUMBERS[0]
        return {
            "email": email,
            "password": self.passwords[email],
            "code": code,
            "tenant": number,
            "remember_device": "1",
        }

    def note(self, tab: Tab, step: str, form: dict[str, str]) -> None:
        """Remember what was right in it, whatever comes of it."""
        try:
            tx = tab.browser.tx
        except TransactionNotFound:
            return
        if step == "password" and self.passwords.get(tx.email) == form["password"]:
            tab.typed.add(Typed(tx.email, Factor.PASSWORD, self.clock.now()))
        if step not in ("second-factor", "enroll"):
            return
        app = self.apps.get(tx.email)
        if app is not None and form["code"] in {app.code(n) for n in (-1, 0, 1)}:
            tab.typed.add(Typed(tx.email, Factor.TOTP, self.clock.now()))
        if form["code"] in self.unused.get(tx.email, []):
            tab.typed.add(Typed(tx.email, Factor.RECOVERY_CODE, self.clock.now()))

    @rule(
        which=st.integers(0, 1),
        needed=needs,
        who=people,
        pages=pages,
        happening=happenings,
        then=people,
        later=st.booleans(),
    )
    def sign_in(
        self,
        which: int,
        needed: LoginNeeded,
        who: str,
        pages: int,
        happening: dict[str, Any],
        then: str,
        later: bool,
    ) -> None:
        """Begin, go on for some pages; something happens; go on to the end, if there is one."""
        self.begin(which, needed)
        tab = self.tabs[-1]
        self.walk(tab, who, pages, later)
        if happening["what"] == "edit" and (due := self.due(tab)) is not None:
            tab.browser.post(due.name, action="edit")
            who = then
        self.happen(who, **happening)
        self.walk(tab, who, 8, later)

    @precondition(lambda self: self.tabs)
    @rule(index=st.integers(0, 3), who=people, pages=pages, later=st.booleans())
    def go_on(self, index: int, who: str, pages: int, later: bool) -> None:
        self.walk(self.pick(index), who, pages, later)

    def walk(self, tab: Tab, who: str, pages: int, later: bool) -> None:
        """Answer the pages that are shown as they want to be answered."""
        for _ in range(pages):
            due = self.due(tab)
            if due is None:
                return
            if isinstance(due, Finished):
                self.end(tab)
                return
            if later and getattr(due, "may_postpone", False):
                tab.postponed = True
                tab.browser.post(due.name, action="later")
            else:
                self.answer(tab, due, who)

    def answer(self, tab: Tab, due: Step, who: str) -> None:
        self.clock.forward(seconds=30)
        email = tab.browser.tx.email or who
        form = self.form(due.name, email, tab, due)
        self.note(tab, due.name, form)
        outcome = tab.browser.post(due.name, form)
        if isinstance(due, Enroll) and not (outcome.errors or outcome.moved):
            self.apps[email] = App(due.secret, self.door)
            tab.typed.add(Typed(email, Factor.TOTP, self.clock.now()))
        if outcome.step.name == "recovery-codes":
            self.unused[email] = [*getattr(outcome.step, "codes", ())]

    @precondition(lambda self: self.tabs)
    @rule(
        index=st.integers(0, 3),
        step=st.sampled_from(STEPS),
        who=people,
        action=st.sampled_from(["", "", "", "later", "edit", "other-factor", "resend"]),
        spoil=st.booleans(),
        tenant=st.sampled_from([*NUMBERS, "000000000"]),
    )
    def post_anything(
        self, index: int, step: str, who: str, action: str, spoil: bool, tenant: str
    ) -> None:
        """A form of any step, right or wrong, whatever is shown."""
        tab = self.pick(index)
        due = self.due(tab)
        if due is None:
            return
        form = {**self.form(step, who, tab, None), "tenant": tenant, "action": action}
        if spoil:
            form |= {"password": "wrong-password", "code": "000000"}
        before = tab.browser.tx
        if due.name == step:
            self.note(tab, step, form)
            if action == "later":
                tab.postponed = True
        outcome = tab.browser.post(step, form)
        if due.name != step or due.name == "finished":
            assert outcome.moved
            assert tab.browser.tx == before
            assert outcome.step == due

    @precondition(lambda self: self.tabs)
    @rule(index=st.integers(0, 3), who=people)
    def use_recovery_code(self, index: int, who: str) -> None:
        tab = self.pick(index)
        due = self.due(tab)
        if due is None or due.name != "second-factor" or not self.unused.get(who):
            return
        code = self.unused[who][-1]
        own = tab.browser.tx.email == who
        self.note(tab, "second-factor", {"code": code})
        outcome = tab.browser.post("second-factor", code=code)
        if own and not outcome.errors:
            self.unused[who].remove(code)

    # What happens around them

    @rule(happening=happenings, who=people)
    def disturb(self, happening: dict[str, Any], who: str) -> None:
        self.happen(who, **happening)

    def happen(
        self, who: str, what: str, which: int, seconds: int, policy: dict[str, Any], status: str
    ) -> None:
        """Something that happens to a person, a company, or everybody."""
        house, account, tenant = self.house, self.accounts[who], self.tenants[which]
        match what:
            case "restart":
                self.door.restart()
            case "wait":
                self.clock.forward(seconds=seconds)
            case "policy":
                house.tenants.set_policy(tenant.id, **policy)
            case "lock":
                (house.accounts.lock if status == "locked" else house.accounts.unlock)(account.id)
            case "membership":
                found = house.tenants.memberships.find(tenant.id, account.id)
                if found is not None and found.role != "admin":
                    house.tenants.memberships.set_status(tenant.id, found.id, status, event="x")
            case "password":
                self.clock.forward(seconds=1)
                self.passwords[who] = f"neues-langes-Wort-{next(self.words)}"
                house.accounts.set_password(account.id, self.passwords[who])
                self.not_before[who] = self.clock.now()
            case "reset_factors":
                self.door.authn.factors.reset(account.id)
                house.persons.forget(account.subject)
                self.apps.pop(who, None)
                self.unused.pop(who, None)
            case "sign_out":
                session = self.browsers[which].session
                if session is not None:
                    self.sessions.pop(session.sid, None)
                    self.door.sessions.end(session)

    # The end, and what must be true then

    def end(self, tab: Tab) -> None:
        tab.browser.tx_id = tab.tx_id
        try:
            done = tab.browser.finish()
        except (NotFinished, AlreadyFinished, TransactionNotFound):
            return
        found = done.authentication
        email = next(e for e, a in self.accounts.items() if a.subject == found.subject)
        typed = set(tab.typed)
        if found.sid == tab.from_sid:
            typed |= self.sessions.get(found.sid, set())
        self.sessions[found.sid] = typed
        if tab.postponed:
            self.postponed.add(found.sid)
        now = self.clock.now()
        start = tab.begun - timedelta(seconds=tab.needed.max_age or 10**9)
        if tab.needed.max_age == 0:
            start = tab.begun
        own = {t for t in typed if t.email == email and t.at >= start}
        own = {t for t in own if t.at >= self.not_before.get(email, t.at)}
        self.check(email, found, own, tab.needed, found.sid in self.postponed, now)
        assert tab.browser.tx.state is State.FINISHED

    @rule(which=st.integers(0, 1), needed=needs)
    def silently(self, which: int, needed: LoginNeeded) -> None:
        """The session alone, as at a silent sign-on."""
        session = self.browsers[which].session
        if session is None:
            return
        email = next(e for e, a in self.accounts.items() if a.subject == session.subject)
        person = self.door.person(self.accounts[email])
        found = self.door.authn.authentication_for(session, person, needed)
        if found is None:
            return
        now = self.clock.now()
        typed = self.sessions.get(session.sid, set())
        start = now - timedelta(seconds=10**9 if needed.max_age is None else needed.max_age)
        own = {t for t in typed if t.email == email and t.at >= start}
        own = {t for t in own if t.at >= self.not_before.get(email, t.at)}
        assert not needed.select_account
        self.check(email, found, own, needed, session.sid in self.postponed, now)

    def check(
        self,
        email: str,
        found: Any,
        own: set[Typed],
        needed: LoginNeeded,
        postponed: bool,
        now: datetime,
    ) -> None:
        factors = {t.factor for t in own}
        assert Factor.PASSWORD in factors
        second = factors - {Factor.PASSWORD}
        if found.acr == ACR_MULTI:
            assert second
        if needed.acr_level == 2:
            assert found.acr == ACR_MULTI
        db.session.rollback()
        account = db.session.get(Account, self.accounts[email].id)
        assert account is not None
        assert account.status == "active"
        members = db.session.query(Membership).filter_by(account_id=account.id, status="active")
        asking = [m for m in members if m.tenant_id == found.tenant_id]
        if needed.client_id is None:
            asking = list(members)
        else:
            assert asking
        enrolled = email in self.apps
        for membership in asking:
            tenant = db.session.get(Tenant, membership.tenant_id)
            assert tenant is not None
            policy = policy_of(tenant)
            if not is_bound(policy, membership.role, membership.mfa_selected) or second:
                continue
            if enrolled:
                # Only a device remembered for no longer than today's policy says.
                assert policy.remember_days > 0
                oldest = now - timedelta(days=policy.remember_days)
                ended = self.not_before.get(email, oldest)
                devices = self.door.authn.devices.list(account.id)
                assert any(device.created_at > max(oldest, ended) for device in devices)
            else:
                assert postponed
                assert membership.mfa_deadline is not None
                assert now < membership.mfa_deadline

    def teardown(self) -> None:
        if hasattr(self, "house"):
            assert self.house.audit.verify() == []
        type(self).close()


@pytest.fixture
def houses(
    store: EphemeralStore, empty_database: Path, settings: Settings, tmp_path: Path
) -> Iterator[tuple[Callable[[], House], Callable[[], None]]]:
    """A fresh house for each run of the machine."""
    opened: list[Any] = []
    number = count()

    def open_house() -> House:
        close_house()
        store.trip([("FLUSHALL",)], repeatable=True)
        folder = tmp_path / f"house{next(number)}"
        folder.mkdir()
        shutil.copy(empty_database, folder / "einlass.sqlite")
        own = replace(
            settings,
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
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
