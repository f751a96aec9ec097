"""The people of the login machine: they begin logins in tabs and answer the pages that are shown.

What they type right is noted for the model (``tests.authn.model``). What happens around them, and
the end of a login, is in ``test_login_machine.py``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from idp.authn.login.transaction import TransactionNotFound, WrongBrowser
from idp.authn.service import NotFinished
from idp.authn.step_kinds import ChooseTenant, Enroll, Finished, Passkey, SecondFactor, Step
from idp.core.vocabulary import Factor, LoginNeeded
from idp.tenants.models import Tenant
from tests.authn.door import ORIGIN, App, Browser, Door, build_authn
from tests.authn.facts import EMAIL, PASSWORD, RECOVERY, SMS, TOTP, VOICE, WEBAUTHN
from tests.authn.model import Pocket, Typed
from tests.people.house import PASSWORD as WORD
from tests.people.house import House
from tests.support.authenticator import Authenticator

PEOPLE = ("anna@nord.example", "erik@nord.example", "mara@example.com")
NEWCOMER = "neu@example.com"
NUMBERS = ("012345678", "087654321", "011112222")
people = st.sampled_from([*PEOPLE, *PEOPLE, NEWCOMER])
pages = st.sampled_from([1, 2, 3, 4, 8])
ways = st.integers(0, 5)
factor_sets = st.sampled_from(
    [(TOTP, WEBAUTHN)] * 3 + [(TOTP,), (WEBAUTHN, SMS), (SMS, VOICE, EMAIL), (TOTP, SMS, EMAIL)]
)


@st.composite
def policies(draw: Any) -> dict[str, Any]:
    factors = draw(factor_sets)
    return {
        "mfa": draw(st.sampled_from(["admins", "selected", "everyone", "everyone"])),
        "factors": factors,
        "phishing_resistant_only": WEBAUTHN in factors
        and draw(st.sampled_from([False] * 3 + [True])),
        "grace_days": draw(st.sampled_from([0, 3])),
        "remember_days": draw(st.sampled_from([0, 3])),
        "client_minimums": draw(st.sampled_from([{}, {}, {}, {"hr": 2}, {"hr": 3}])),
    }


happenings = st.fixed_dictionaries(
    {
        "what": st.sampled_from(
            [
                *("restart", "wait", "wait", "policy", "policy", "policy", "lock", "membership"),
                *("password", "reset_factors", "sign_out", "sign_out", "edit", "bypass", "bypass"),
                "copy",
            ]
        ),
        "which": st.integers(0, 1),
        "seconds": st.sampled_from([1, 61, 900, 40000, 2 * 86400, 4 * 86400]),
        "policy": policies(),
        "status": st.sampled_from(["active", "active", "locked", "waiting"]),
    }
)
STEPS = (
    *("identify", "passkey", "password", "second-factor", "lost-factor", "enroll"),
    *("recovery-codes", "tenant", "register", "verify-email", "join-company", "locked"),
    *("waiting", "not-booked", "no-allowed-factor", "finished", "x"),
)
HALTS = ("locked", "waiting", "not-booked", "no-allowed-factor")
needs = st.builds(
    LoginNeeded,
    acr_level=st.sampled_from([1, 1, 1, 1, 2, 3]),
    max_age=st.sampled_from([None, None, 0, 60]),
    client_id=st.sampled_from([None, "hr", "hr"]),
    product=st.just("hr"),
    tenant_hint=st.sampled_from([None, None, None, *NUMBERS[:2]]),
    select_account=st.sampled_from([False, False, True]),
).map(lambda needed: needed if needed.client_id else replace(needed, product=None))


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


class LoginPeople(RuleBasedStateMachine):
    """Two browsers with any number of tabs, three people in two companies, one from nowhere."""

    new_house: Callable[[], House]
    close: Callable[[], None]

    def happen(self, who: str, **happening: Any) -> None:
        """Something that happens to a person, a company, or everybody."""
        raise NotImplementedError

    def end(self, tab: Tab) -> None:
        """Everything is answered."""
        raise NotImplementedError

    @initialize(
        rules=st.lists(policies(), min_size=2, max_size=2),
        apps=st.sets(st.sampled_from(PEOPLE)),
        keys=st.sets(st.sampled_from(PEOPLE)),
        phones=st.sets(st.sampled_from(PEOPLE)),
        hide=st.sampled_from([False, False, True]),
    )
    def open(
        self,
        rules: list[dict[str, Any]],
        apps: set[str],
        keys: set[str],
        phones: set[str],
        hide: bool,
    ) -> None:
        self.house = type(self).new_house()
        self.door = Door(self.house, build_authn(self.house))
        if hide:
            self.door.settle(hide=True)
        self.clock = self.house.clock
        self.tenants: list[Tenant] = []
        for number in NUMBERS:
            tenant = self.house.tenants.create(number, f"Company {number}")
            self.house.tenants.set_products(tenant.id, ["hr"])
            self.tenants.append(tenant)
        nord, sued, _ = self.tenants
        self.pockets = {
            email: Pocket(email, f"+4917139200{index:02d}", WORD)
            for index, email in enumerate([*PEOPLE, NEWCOMER])
        }
        for email, tenant, role in (
            (PEOPLE[0], nord, "admin"),
            (PEOPLE[1], nord, "employee"),
            (PEOPLE[2], nord, "employee"),
            (PEOPLE[2], sued, "employee"),
        ):
            self.pockets[email].account, _ = self.house.member(tenant, email, role)
        self.browsers = [self.door.browser("one"), self.door.browser("two")]
        self.tabs: list[Tab] = []
        self.sessions: dict[str, set[Typed]] = {}
        self.postponed: set[str] = set()
        self.remembered: dict[str, list[datetime]] = {}
        self.bypasses: dict[str, datetime] = {}
        self.bypassed: dict[str, set[str]] = {}
        self.words = count()
        for email in PEOPLE:
            self.equip(self.pockets[email], email in apps, email in keys, email in phones)
        for tenant, rule_ in zip(self.tenants, rules, strict=False):
            self.house.tenants.set_policy(tenant.id, **rule_)
        self.house.accounts.on_password_changed.append(
            lambda *change: self.door.authn.password_changed(*change)
        )

    def equip(self, pocket: Pocket, app: bool, key: bool, phone: bool) -> None:
        assert pocket.account is not None
        if app:
            pocket.app = self.door.enroll(pocket.account)
            pocket.codes = list(pocket.app.recovery_codes)
        if key:
            # Every second one is a security key that does not check its holder.
            verifies = pocket.email != PEOPLE[1]
            pocket.keys.append(self.door.enroll_passkey(pocket.account, verifies=verifies))
        if phone:
            self.door.enroll_sent(pocket.account, SMS, pocket.number)
            pocket.kept(SMS)
        if (key or phone) and not app:
            # Codes that came with those are not kept by anybody.
            pocket.codes = []

    # What people do

    def begin(self, which: int, needed: LoginNeeded) -> None:
        browser = self.browsers[which]
        session = browser.session
        browser.begin(needed)
        sid = session.sid if session else None
        tab = Tab(browser, browser.tx_id, needed, self.clock.now(), sid)
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
        finally:
            self.collect()

    def collect(self) -> None:
        """Whoever was sent a code has it."""
        for row in self.door.sent():
            payload = row.payload
            to = [p for p in self.pockets.values() if payload["to"] in (p.email, p.number)]
            kind = row.kind if row.kind != "mail" else payload["name"]
            name = {"sign-in-code": str(EMAIL), "email-code": "verify"}.get(kind, kind)
            text = payload.get("text") or payload["context"]["code"]
            code = re.search(r"\d(?:(?:, )?\d){5}", text)
            assert code
            to[0].inbox.setdefault(name, []).append(code[0].replace(", ", ""))

    def form(self, step: str, pocket: Pocket, due: Step | None, way: int) -> dict[str, str]:
        """The right thing to type at a step, for that person, in one of the ways there are."""
        options = due.options if isinstance(due, ChooseTenant) else ()
        verify = pocket.inbox.get("verify") or ["000000"]
        form = {
            "email": pocket.email,
            "password": pocket.password,
            "tenant": options[way % len(options)].customer_number if options else NUMBERS[0],
            "remember_device": "1",
            "given_name": "Nele",
            "family_name": "Neumann",
            "new_password": pocket.password,
            "repeat_password": pocket.password,
            "customer_number": NUMBERS[way % len(NUMBERS)],
            "code": verify[-1] if step == "verify-email" else self.app_code(pocket),
        }
        if isinstance(due, SecondFactor) and step == due.name:
            return form | self.factor_form(pocket, due)
        if isinstance(due, Enroll) and step == due.name:
            return form | self.enroll_form(pocket, due)
        asked = getattr(due, "passkey", None)
        if pocket.keys and asked and not isinstance(due, Enroll):
            usual = step == "passkey" or (way % 2 and pocket.keys[-1].verifies)
            if not usual and way != 5:
                return form
            form["credential"] = self.sign(pocket, asked)
        return form

    def sign(self, pocket: Pocket, asked: Any) -> str:
        """An answer by the key set up last, listed or not."""
        self.signing = pocket.keys[-1]
        return self.signing.get(asked, credential=self.signing.credentials[0])

    @staticmethod
    def app_code(pocket: Pocket) -> str:
        return pocket.app.code() if pocket.app is not None else "000000"

    def factor_form(self, pocket: Pocket, due: SecondFactor) -> dict[str, str]:
        factor = due.selected
        if factor is WEBAUTHN:
            signed = self.sign(pocket, due.passkey) if pocket.keys and due.passkey else ""
            return {"credential": signed, "code": ""}
        if factor is TOTP:
            code = self.app_code(pocket)
        elif factor is RECOVERY:
            code = pocket.codes[-1] if pocket.codes else "aaaaa-aaaaa"
        else:
            code = (pocket.inbox.get(factor) or ["000000"])[-1]
        return {"code": code, "factor": factor}

    def enroll_form(self, pocket: Pocket, due: Enroll) -> dict[str, str]:
        match due.selected:
            case Factor.WEBAUTHN:
                self.made = Authenticator(ORIGIN)
                return {"credential": self.made.create(due.passkey or {})}
            case Factor.TOTP:
                return {"code": App(due.secret, self.door).code()}
            case Factor.EMAIL if not due.destination:
                return {"use": "email"}
            case _ if not due.destination:
                return {"phone_number": pocket.number}
            case _:
                return {"code": (pocket.inbox.get(due.selected) or ["000000"])[-1]}

    def note(self, tab: Tab, step: str, form: dict[str, str], pocket: Pocket) -> None:
        """Remember what was right in it, whatever comes of it."""
        try:
            tx = tab.browser.tx
        except TransactionNotFound:
            return
        now = self.clock.now()
        if form.get("credential") and step in ("identify", "passkey", "second-factor"):
            # Whose key it is counts, not whose page it was.
            tab.typed.add(Typed(pocket.email, WEBAUTHN, now, self.signing.verifies))
        own = self.pockets.get(tx.email)
        if own is None or own.account is None:
            return
        if step == "password" and own.password == form.get("password"):
            tab.typed.add(Typed(own.email, PASSWORD, now))
        if step in ("second-factor", "enroll"):
            for factor in (TOTP, SMS, VOICE, EMAIL, RECOVERY):
                if own.is_right(factor, form.get("code", "")):
                    tab.typed.add(Typed(own.email, factor, now))

    @rule(
        which=st.integers(0, 1),
        needed=needs,
        who=people,
        pages=pages,
        happening=happenings,
        then=people,
        later=st.booleans(),
        way=ways,
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
        way: int,
    ) -> None:
        """Begin, go on for some pages; something happens; go on to the end, if there is one."""
        self.begin(which, needed)
        tab = self.tabs[-1]
        self.walk(tab, who, pages, later, way)
        if happening["what"] == "edit" and (due := self.due(tab)) is not None:
            tab.browser.post(due.name, action="edit")
            who = then
        self.happen(who, **happening)
        self.walk(tab, who, 10, later, way)

    @precondition(lambda self: self.tabs)
    @rule(index=st.integers(0, 3), who=people, pages=pages, later=st.booleans(), way=ways)
    def go_on(self, index: int, who: str, pages: int, later: bool, way: int) -> None:
        self.walk(self.pick(index), who, pages, later, way)

    def walk(self, tab: Tab, who: str, pages: int, later: bool, way: int) -> None:
        """Answer the pages that are shown as they want to be answered."""
        for _ in range(pages):
            self.clock.forward(seconds=30)
            due = self.due(tab)
            if due is None or due.name in HALTS:
                return
            if isinstance(due, Finished):
                self.end(tab)
                return
            if later and getattr(due, "may_postpone", False):
                tab.postponed = True
                tab.browser.post(due.name, action="later")
            else:
                self.answer(tab, due, who, way)

    def answer(self, tab: Tab, due: Step, who: str, way: int) -> None:
        tx = tab.browser.tx
        pocket = self.pockets[tx.email or who]
        if isinstance(due, SecondFactor):
            wanted = due.options[way % len(due.options)]
            if wanted is RECOVERY and not pocket.codes:
                wanted = due.options[0]
            if wanted is not due.selected:
                tab.browser.post(due.name, use=wanted)
                return
        if isinstance(due, Enroll):
            wanted = due.factors[way % len(due.factors)]
            if wanted is not due.selected:
                tab.browser.post(due.name, use=wanted)
                return
        keyed = any(key.verifies for key in pocket.keys[-1:])
        if isinstance(due, Passkey) and (way % 2 or not keyed):
            tab.browser.post(due.name, action="other-factor")
            return
        if due.name == "lost-factor":
            tab.browser.post(due.name, action="back")
            return
        form = self.form(due.name, pocket, due, way)
        if due.name == "identify" and pocket.account is None:
            form["action"] = "register"
        self.post(tab, due, form, pocket)

    def post(self, tab: Tab, due: Step, form: dict[str, str], pocket: Pocket) -> None:
        """Post the form of the step that is due, and believe what comes of it."""
        self.note(tab, due.name, form, pocket)
        email = tab.browser.tx.email
        outcome = tab.browser.post(due.name, form)
        self.collect()
        accepted = not (outcome.errors or outcome.moved)
        if outcome.errors.get("credential") == "passkey-copied":
            pocket.keys.remove(self.signing)
        own = self.pockets.get(email)
        if own is None:
            return
        if isinstance(due, Enroll) and accepted and "use" not in form:
            self.enrolled(tab, due, form, own)
        if due.name == "second-factor" and accepted and form.get("code") in own.codes:
            own.codes.remove(form["code"])
        if due.name == "verify-email" and own.account is None:
            own.account = self.house.accounts.find_by_email(email)
            if own.account is not None:
                assert form["code"] in own.inbox["verify"]
                tab.typed.add(Typed(email, PASSWORD, self.clock.now()))
        if outcome.step.name == "recovery-codes":
            own.codes = [*getattr(outcome.step, "codes", ())]

    def enrolled(self, tab: Tab, due: Enroll, form: dict[str, str], own: Pocket) -> None:
        """What was set up is held from now on, and was proven by that."""
        factor = WEBAUTHN if "credential" in form else due.selected
        if factor in (SMS, VOICE, EMAIL) and not due.destination:
            return
        if factor is WEBAUTHN:
            own.keys.append(self.made)
        elif factor is TOTP:
            own.app = App(due.secret, self.door)
        else:
            own.kept(factor)
        tab.typed.add(Typed(own.email, factor, self.clock.now(), factor is WEBAUTHN))
