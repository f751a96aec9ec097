"""Attacks on what companies do with their people: each is tried, and must fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import bcrypt
import pyotp
import pytest
from flask.testing import FlaskClient

from idp.authn.factors.news import Where
from idp.authn.ports import JoinRefused
from idp.infra.audit_refusals import note_refusal
from idp.infra.csv_files import safe_cell
from idp.infra.database import DatabaseUnavailable, db, transaction
from idp.infra.ephemeral import StoreUnavailable
from idp.people.actors import Actor, NotHeld
from idp.people.models import Invitation
from idp.tenants.catalogue import MANAGE_CLIENTS, MANAGE_PEOPLE, READ_LOG, default_permissions
from tests.web.attack import password, post, to_password
from tests.web.conftest import Front

NORD, SUED = "012345678", "087654321"
BASE = f"/admin/{NORD}"
ANNA, HILDE, ERIK = "anna@nord.example", "hilde@nord.example", "erik@nord.example"
CLI = Actor.command_line()


@dataclass
class Company:
    """Nord: an admin, a helper who gets into HR alone, an employee."""

    front: Front
    tenant_id: str
    anna: str
    hilde: str
    erik: str

    def post(self, browser: FlaskClient, path: str, **form: Any) -> Any:
        return browser.post(f"{BASE}{path}", data={"csrf_token": self.front.csrf, **form})

    def actor(self, email: str) -> Actor:
        account = self.front.services.accounts.find_by_email(email)
        assert account is not None
        person = self.front.services.persons.load(account.subject)
        assert person is not None
        return Actor.person(person)

    def member(self, email: str) -> Any:
        db.session.rollback()
        db.session.expire_all()
        account = self.front.services.accounts.find_by_email(email)
        if account is None:
            return None
        return self.front.services.tenants.memberships.find(self.tenant_id, account.id)

    def staged(self, actor: Actor, text: str, **more: Any) -> str:
        imports = self.front.services.imports
        job = imports.stage(self.tenant_id, actor, "people.csv", text.encode(), **more)
        job_id: str = job.id
        self.run()
        return job_id

    def applied(self, actor: Actor, job_id: str) -> None:
        self.front.services.imports.apply(self.tenant_id, actor, job_id)
        self.run()

    def run(self) -> None:
        self.front.services.background.run_once()
        db.session.rollback()
        db.session.expire_all()

    def invited(self, email: str) -> Invitation | None:
        db.session.rollback()
        return db.session.query(Invitation).filter_by(email=email).first()


@pytest.fixture
def nord(front: Front) -> Company:
    anna = front.member(NORD, ANNA, "admin")
    hilde, erik = (front.member(NORD, email, "employee") for email in (HILDE, ERIK))
    services = front.services
    tenant = services.tenants.get_by_customer_number(NORD)
    services.tenants.set_products(tenant.id, ["hr", "payroll"])
    rights = [*default_permissions(), MANAGE_PEOPLE, READ_LOG, MANAGE_CLIENTS]
    services.people.set_permissions(tenant.id, CLI, hilde, rights)
    services.people.set_products(tenant.id, CLI, hilde, ["hr"])
    services.people.set_products(tenant.id, CLI, erik, ["hr"])
    return Company(front, tenant.id, anna, hilde, erik)


# -- helpers open no door that is closed to themselves ------------------------------------------


def test_a_helper_imports_nobody_into_a_product_closed_to_themselves(nord: Company) -> None:
    helper = nord.actor(HILDE)
    imports = nord.front.services.imports
    named = nord.staged(helper, "E-Mail;Produkte\nzoe@nord.example;Payroll\n")
    assert imports.get(nord.tenant_id, named).ready == 0
    everything = nord.staged(helper, "E-Mail\nzoe@nord.example\n")
    nord.applied(helper, everything)
    zoe = nord.invited("zoe@nord.example")
    assert zoe is not None
    assert zoe.products == ["hr"], "whoever is let into some products opens no more"
    other = nord.staged(helper, "E-Mail\nyves@nord.example\n")
    imports.set_options(nord.tenant_id, helper, other, products=None)
    assert imports.get(nord.tenant_id, other).options["products"] == ["hr"], "all that is theirs"
    with pytest.raises(NotHeld):
        imports.set_options(nord.tenant_id, helper, other, products=["payroll"])
    with pytest.raises(NotHeld):
        imports.stage(nord.tenant_id, helper, "x.csv", b"E-Mail\nx@x.example\n", product="payroll")


def test_a_helper_widens_nobody_by_the_file_of_another_product(nord: Company) -> None:
    """Whoever came with a file of HR is "merged" by one of payroll: the helper, an admin,
    somebody from whom a permission was taken that the helper lacks as well.
    """
    services, imports = nord.front.services, nord.front.services.imports
    others = (
        "E-Mail;Vorname\nneu@nord.example;Anna\nchef@nord.example;Anna\nlea@nord.example;Anna\n"
    )
    nord.applied(CLI, nord.staged(CLI, others, product="hr"))
    with transaction():  # by now they have arrived
        for one in db.session.query(Invitation):
            one.accepted_at = nord.front.clock.now()
    rights = {
        "neu@nord.example": [MANAGE_PEOPLE, "hr.team.read"],
        "chef@nord.example": [],
        "lea@nord.example": ["payroll.bank.edit"],
    }
    for email, permissions in rights.items():
        member = nord.front.member(NORD, email, "admin" if "chef" in email else "employee")
        services.people.set_permissions(nord.tenant_id, CLI, member, permissions)
        services.people.set_products(nord.tenant_id, CLI, member, ["hr"])
    helper = nord.actor("neu@nord.example")
    with pytest.raises(NotHeld):
        imports.stage(nord.tenant_id, helper, "x.csv", others.encode(), product="payroll")
    services.people.set_products(nord.tenant_id, CLI, nord.member("lea@nord.example").id, None)
    services.people.set_products(nord.tenant_id, CLI, nord.member("neu@nord.example").id, None)
    job = nord.staged(helper, others, product="payroll")
    assert imports.get(nord.tenant_id, job).ready == 3, "all of them would be merged"
    nord.applied(helper, job)
    assert imports.get(nord.tenant_id, job).applied == 1, "the line of whom nothing was given"
    for email, permissions in rights.items():
        assert set(nord.member(email).permissions) == set(permissions)
    assert nord.member("chef@nord.example").products == ["hr"]


def waiting(nord: Company, email: str) -> str:
    """A second account of the helper, say, that has asked to join by the customer number."""
    services = nord.front.services
    nord.front.account(email)
    account = services.accounts.find_by_email(email)
    assert account is not None
    return services.tenants.memberships.add(nord.tenant_id, account.id, status="waiting").id


def prepared(nord: Company, email: str, *, expired: bool) -> str:
    """An admin's invitation with everything that new members get."""
    invitations = nord.front.services.people.invitations
    made = invitations.invite(nord.tenant_id, nord.actor(ANNA), email, "X", "Y").id
    if expired:
        with transaction():
            row = db.session.get(Invitation, made)
            assert row is not None
            row.expires_at = nord.front.clock.now()
    return made


def unlocked(nord: Company, helper: Actor, email: str, *, by: Actor | None) -> None:
    """Unlocked while waiting, or after a lock by somebody."""
    people, member = nord.front.services.people, waiting(nord, email)
    if by is not None:
        people.lock_member(nord.tenant_id, by, member, "x")
    people.unlock_member(nord.tenant_id, helper, member)


def resent(nord: Company, helper: Actor, email: str, *, expired: bool) -> None:
    found = prepared(nord, email, expired=expired)
    nord.front.services.people.invitations.resend(nord.tenant_id, helper, found)


def reworked(nord: Company, helper: Actor, email: str) -> None:
    """Of a file whose options a helper has set again."""
    job = nord.staged(helper, f"E-Mail\n{email}\n")
    nord.front.services.imports.set_options(nord.tenant_id, helper, job)
    nord.run()
    nord.applied(helper, job)


WAYS_IN: dict[str, Callable[[Company, Actor, str], object]] = {
    "invited": lambda n, helper, email: n.front.services.people.invitations.invite(
        n.tenant_id, helper, email, "X", "Y"
    ),
    "resent": lambda n, helper, email: resent(n, helper, email, expired=True),
    "imported": lambda n, helper, email: n.applied(helper, n.staged(helper, f"E-Mail\n{email}\n")),
    "imported anew": reworked,
    "admitted": lambda n, helper, email: n.front.services.joining.admit(
        n.tenant_id, helper, waiting(n, email)
    ),
    "admitted by name": lambda n, helper, email: n.front.services.joining.admit(
        n.tenant_id, helper, waiting(n, email), default_permissions()
    ),
    "unlocked": lambda n, helper, email: unlocked(n, helper, email, by=None),
    "locked and unlocked": lambda n, helper, email: unlocked(n, helper, email, by=helper),
    "locked by an admin": lambda n, helper, email: unlocked(n, helper, email, by=n.actor(ANNA)),
}
"""Every way in which a helper lets somebody in."""
LACKED = "hr.absence.request"
CLOSED = "payroll.payslip.read"


def got(nord: Company, email: str) -> tuple[set[str], list[str] | None, list[dict[str, Any]]]:
    """Permissions and products that somebody holds or is invited with, and the log's words."""
    found = nord.member(email) or nord.invited(email)
    assert found is not None
    assert getattr(found, "status", "active") == "active"
    named = [
        record["detail"]
        for record in nord.front.services.audit.export(nord.tenant_id)
        if record["detail"].get("permissions") == list(found.permissions)
    ]
    return set(found.permissions), found.products, named


def test_no_way_in_gives_more_than_the_helper_has_who_opens_it(nord: Company) -> None:
    members = nord.front.services.tenants.memberships
    everything = set(default_permissions())
    for number, (way, let_in) in enumerate(WAYS_IN.items()):
        helper = nord.actor(HILDE)
        members.set_products(nord.tenant_id, nord.hilde, None)
        members.set_permissions(nord.tenant_id, nord.hilde, [*everything, MANAGE_PEOPLE])
        let_in(nord, helper, f"holds{number}@nord.example")
        permissions, products, named = got(nord, f"holds{number}@nord.example")
        assert (permissions, products) == (everything, None), way
        members.set_products(nord.tenant_id, nord.hilde, ["hr"])
        held = [*(everything - {LACKED}), MANAGE_PEOPLE]
        members.set_permissions(nord.tenant_id, nord.hilde, held)
        let_in(nord, helper, f"lacks{number}@nord.example")
        permissions, products, named = got(nord, f"lacks{number}@nord.example")
        assert permissions == {p for p in everything - {LACKED} if p.startswith("hr.")}, way
        assert products == ["hr"], way
        assert named, way
        assert {LACKED, CLOSED} <= set(named[-1]["withheld"]), way


def test_a_helper_neither_lets_in_nor_sends_away_who_is_to_be_an_admin(nord: Company) -> None:
    services, email = nord.front.services, "boss@nord.example"
    member_id = waiting(nord, email)
    services.people.set_role(nord.tenant_id, nord.actor(ANNA), member_id, "admin")
    helper = nord.front.sign_in(HILDE, second_factor=False)
    for action in ("admit", "send-away", "unlock", "lock", "remove"):
        nord.post(helper, f"/people/{member_id}", action=action, reason="x", confirm_name="X Y")
        assert nord.member(email).status == "waiting", action
    nord.post(nord.front.sign_in(ANNA), f"/people/{member_id}", action="admit")
    assert nord.member(email).status == "active"


def test_what_a_helper_cannot_give_is_said_before_they_let_somebody_in(nord: Company) -> None:
    members, email = nord.front.services.tenants.memberships, "neu@nord.example"
    members.set_permissions(nord.tenant_id, nord.hilde, [MANAGE_PEOPLE, "hr.profile.read"])
    person = f"/people/{waiting(nord, email)}"
    file = nord.staged(nord.actor(HILDE), "E-Mail\na@nord.example\n")
    pages = ["/people/invite", person, f"/imports/{file}"]
    prepared(nord, "old@nord.example", expired=True)
    helper, admin = nord.front.sign_in(HILDE, second_factor=False), nord.front.sign_in(ANNA)
    for page in pages:
        said = helper.get(BASE + page).text
        assert re.search("You do not hold these permissions yourself.*See my payslips", said), page
        assert "do not hold these" not in admin.get(BASE + page).text, page
    box = re.search(
        r'<input[^>]*id="permission-hr.absence.request"[^>]*>', helper.get(BASE + person).text
    )
    assert box
    assert "checked" not in box[0]
    assert "no more than you hold yourself" in helper.get(f"{BASE}/people/invitations").text
    assert "no more than you hold" not in admin.get(f"{BASE}/people/invitations").text
    nord.post(helper, person, action="admit", with_permissions="1", permission=["hr.profile.read"])
    assert got(nord, email)[:2] == ({"hr.profile.read"}, ["hr"])


def test_what_an_admin_has_decided_stands_in_a_helpers_hand(nord: Company) -> None:
    """An invitation that is still good, and a member who was in already."""
    members, helper = nord.front.services.tenants.memberships, nord.actor(HILDE)
    everything = set(default_permissions())
    members.set_permissions(nord.tenant_id, nord.hilde, [MANAGE_PEOPLE])
    resent(nord, helper, "good@nord.example", expired=False)
    assert got(nord, "good@nord.example")[:2] == (everything, None)
    members.note_sign_in(nord.erik)
    nord.front.services.people.lock_member(nord.tenant_id, helper, nord.erik, "x")
    nord.front.services.people.unlock_member(nord.tenant_id, helper, nord.erik)
    assert set(nord.member(ERIK).permissions) == everything


def test_a_helper_who_knows_a_secret_gets_no_powers_that_an_admin_adds_later(
    nord: Company,
) -> None:
    desk, helper = nord.front.services.client_desk, nord.actor(HILDE)
    service = {"client_name": "X", "grant_types": ["client_credentials"], "response_types": []}
    made, known = desk.register(helper, {**service, "scope": "reports"}, nord.tenant_id)
    admin, powers = nord.actor(ANNA), {"scope": "reports einlass:people.write"}
    _, new = desk.change(admin, made.client_id, powers, nord.tenant_id)
    browser = nord.front.browser()
    for secret, status in ((known, 401), (new, 200)):
        answer = browser.post(
            "/token", data={"grant_type": "client_credentials"}, auth=(made.client_id, secret or "")
        )
        assert answer.status_code == status
    # What it has by now is added to without another one.
    more = {"scope": "einlass:people.write einlass:people.read"}
    assert desk.change(admin, made.client_id, more, nord.tenant_id)[1] is None


# -- strangers do not write another company's log -------------------------------------------------


@pytest.mark.parametrize("way", ["console", "join"])
def test_a_stranger_fills_no_other_companys_log(nord: Company, way: str) -> None:
    front = nord.front
    front.member(SUED, "mallory@sued.example", "admin")
    account = front.services.accounts.find_by_email("mallory@sued.example")
    assert account is not None
    if way == "join":
        member = front.member(NORD, "mallory@sued.example", "employee")
        front.services.people.remove_member(nord.tenant_id, CLI, member)
    browser = front.sign_in("mallory@sued.example")

    def knock(times: int) -> list[dict[str, Any]]:
        for _ in range(times):
            if way == "console":
                assert browser.get(BASE).status_code == 404
            else:
                with pytest.raises(JoinRefused):
                    front.services.joining.join(account.id, NORD, ip="192.0.2.7")
        db.session.rollback()
        log = front.services.audit.export(nord.tenant_id)
        return [r for r in log if r["outcome"] == "failure" and r["actor"] == account.subject]

    assert len(knock(1)) == 1, "the first is a line at once"
    assert len(knock(8)) == 1
    assert [line["detail"].get("tries", 1) for line in knock(1)] == [1, 9]
    assert front.services.audit.verify(nord.tenant_id) == []


def test_a_line_that_could_not_be_written_is_written_at_the_next_try(
    nord: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = nord.front.services
    note = partial(
        *(note_refusal, services.audit, services.throttle, "console.refused"),
        category="security",
        tenant_id=nord.tenant_id,
        actor="f" * 32,
    )
    with monkeypatch.context() as patched:
        patched.setattr(services.audit.keys, "sign", lambda value: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            note()
    note()
    assert list(services.audit.export(nord.tenant_id))[-1]["event"] == "console.refused"


@pytest.mark.parametrize("away", [DatabaseUnavailable, StoreUnavailable])
def test_without_the_line_nothing_is_said_to_be_missing(
    nord: Company, monkeypatch: pytest.MonkeyPatch, away: type[Exception]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise away

    browser = nord.front.sign_in(ANNA)
    monkeypatch.setattr("idp.web.guards.note_refusal", fails)
    monkeypatch.setitem(nord.front.app.config, "PROPAGATE_EXCEPTIONS", False)
    for page in (f"{BASE}/people/{'0' * 32}", f"/admin/{SUED}/people"):
        assert browser.get(page).status_code == 503, page


# -- a stolen session makes itself no home ------------------------------------------------------


@pytest.mark.parametrize("field", ["permission", "permission_group"])
def test_an_old_session_invites_nobody_with_rights_of_the_console(
    nord: Company, field: str
) -> None:
    browser = nord.front.sign_in(ANNA)
    nord.front.clock.forward(minutes=10)
    person = {
        "email": "thief@evil.example",
        "given_name": "T",
        "family_name": "T",
        "role": "employee",
    }
    value = MANAGE_PEOPLE if field == "permission" else "company:Helping the admin"
    answer = nord.post(browser, "/people/invite", **person, products="all", **{field: value})
    assert answer.location.startswith("/login/"), "first a fresh sign-in"
    assert nord.invited("thief@evil.example") is None
    plain = nord.post(
        browser, "/people/invite", **person, products="all", permission="hr.team.read"
    )
    assert plain.location.endswith("done=invited")


@pytest.mark.parametrize("action", ["permissions", "admit"])
def test_an_old_session_grants_nobody_rights_of_the_console(nord: Company, action: str) -> None:
    browser = nord.front.sign_in(ANNA)
    nord.front.clock.forward(minutes=10)
    services = nord.front.services
    member = nord.erik
    if action == "admit":
        account = nord.front.account("wanda@nord.example")
        found = services.accounts.find_by_subject(account)
        assert found is not None
        member = services.tenants.memberships.add(nord.tenant_id, found.id, status="waiting").id
    form = {"action": action, "with_permissions": "1", "permission": READ_LOG}
    answer = nord.post(browser, f"/people/{member}", **form)
    assert answer.location.startswith("/login/")
    row = services.people.get_member(nord.tenant_id, member)
    assert READ_LOG not in row.permissions
    fine = nord.post(
        browser, f"/people/{nord.erik}", action="permissions", permission=["hr.team.read"]
    )
    assert fine.location.endswith("done=permissions-saved")
    # Taking a right back is never held up.
    kept = nord.post(
        browser, f"/people/{nord.hilde}", action="permissions", permission=[MANAGE_PEOPLE]
    )
    assert kept.location.endswith("done=permissions-saved")


def test_an_old_session_imports_nobody_with_rights_of_the_console(nord: Company) -> None:
    browser = nord.front.sign_in(ANNA)
    job = nord.staged(nord.actor(ANNA), f"E-Mail;Rechte\nthief@evil.example;{MANAGE_PEOPLE}\n")
    nord.front.clock.forward(minutes=10)
    answer = nord.post(browser, f"/imports/{job}", action="apply")
    assert answer.location.startswith("/login/")
    nord.run()
    assert nord.invited("thief@evil.example") is None


# -- who was locked out or sent away stays out --------------------------------------------------


@pytest.mark.parametrize("ending", ["lock", "remove", "refuse"])
@pytest.mark.parametrize("prepared", [True, False])
def test_a_new_account_does_not_undo_what_the_company_decided(
    nord: Company, ending: str, prepared: bool
) -> None:
    """An old line or link for the address is still open; the person deletes the account, which
    takes the locked membership along, and registers anew."""
    services = nord.front.services
    address = "paul@nord.example"
    with transaction():
        if prepared:
            services.arrivals.prepare(nord.tenant_id, "import-1", address, "Paul", "P")
        else:
            services.people.invitations.invite(nord.tenant_id, CLI, address, "Paul", "P")
    nord.front.account(address)
    account = services.accounts.find_by_email(address)
    assert account is not None
    status = "waiting" if ending == "refuse" else "active"
    member = services.tenants.memberships.add(nord.tenant_id, account.id, status=status).id
    match ending:
        case "lock":
            services.people.lock_member(nord.tenant_id, CLI, member, "left in anger")
        case "remove":
            services.people.remove_member(nord.tenant_id, CLI, member, "left in anger")
        case _:
            services.joining.refuse(nord.tenant_id, CLI, member, "a stranger")
    services.leaving.delete(account.id, CLI)
    nord.front.account(address)
    again = services.accounts.find_by_email(address)
    assert again is not None
    if prepared:
        services.arrivals.claim(again.id)
    else:
        mail = next(m for m in _mails() if m["name"] == "invitation")
        browser = nord.front.browser()
        link = str(mail["context"]["link"]).partition("localhost")[2].partition("/")[2]
        page = browser.get(f"/{link}").text
        assert "csrf_token" not in page, "the link is dead"
    assert nord.member(address) is None


def _mails() -> list[dict[str, Any]]:
    from idp.infra.outbox import Delivery

    db.session.rollback()
    return [row.payload for row in db.session.query(Delivery).filter_by(kind="mail")]


# -- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["Anna;=cmd|' /C calc'!A0", "Anna;\t=1+1", "a; @SUM(A1)", "a\n=1+1", "a\t+1"]
)
def test_no_formula_hides_behind_what_other_spreadsheets_split_at(text: str) -> None:
    """A German Excel parts cells at semicolons, whatever the file says."""
    for part in safe_cell(text).replace("\t", ";").replace("\n", ";").split(";")[1:]:
        assert not part.strip().startswith(("=", "+", "-", "@"))


def test_a_company_never_sees_the_hashes_that_an_operator_handed_over(nord: Company) -> None:
    hashed = bcrypt.hashpw(b"altes-Kennwort-1", bcrypt.gensalt(4)).decode()
    text = f"E-Mail;pw_bcrypt_v2\nno-address;{hashed}\nzoe@nord.example;{hashed}\n"
    job = nord.staged(CLI, text)
    browser = nord.front.sign_in(ANNA)
    shown = browser.get(f"{BASE}/imports/{job}/refused.csv")
    assert shown.status_code == 200
    assert "no-address" in shown.text
    assert hashed not in shown.text
    assert hashed not in browser.get(f"{BASE}/imports/{job}?show=ready").text


# -- nobody is made a member by a stranger's file -----------------------------------------------


def test_a_company_forces_nobody_in_by_its_own_file(nord: Company) -> None:
    """Süd lists the address of a person of Nord: they still get in, and out of Süd's reach."""
    front = nord.front
    front.member(SUED, "sven@sued.example", "admin")
    sued = front.services.tenants.get_by_customer_number(SUED)
    file = f"E-Mail;Vorname\n{ERIK};Erik\nnew@nord.example;Nele\n".encode()
    sven = nord.actor("sven@sued.example")
    job = front.services.imports.stage(sued.id, sven, "x.csv", file).id
    nord.run()
    front.services.imports.apply(sued.id, sven, job)
    nord.run()
    browser = front.browser()
    address = to_password(browser, ERIK)
    password(browser, address)
    page = browser.get(address)
    assert 'data-step="activate"' in page.text
    assert 'value="later"' in page.text, "there is a way past it"
    post(browser, address, step="activate", action="later")
    assert browser.get(address).location == "/account"
    assert [m.tenant_id for m in _memberships(front, ERIK)] == [nord.tenant_id]
    # Nor does registering mean yes to whoever has written the address down.
    front.account("new@nord.example")
    fresh = front.services.accounts.find_by_email("new@nord.example")
    assert fresh is not None
    assert list(front.services.arrivals.claim(fresh.id)) == []
    assert list(front.services.arrivals.claim(fresh.id, [sued.id])) == [sued.id], "having agreed"


def test_what_an_operator_handed_over_still_binds(nord: Company) -> None:
    front = nord.front
    front.member(SUED, "sven@sued.example", "admin")
    sued = front.services.tenants.get_by_customer_number(SUED)
    for trusted in (False, True):
        job = front.services.imports.stage(
            sued.id, CLI, "x.csv", f"E-Mail\n{ERIK}\n".encode(), trusted=trusted
        ).id
        nord.run()
        if trusted:
            with transaction():
                db.session.query(Invitation).update({"import_id": job})
        else:
            front.services.imports.apply(sued.id, CLI, job)
        nord.run()
        (one,) = front.services.arrivals.prepared_for(ERIK)
        assert one.firm is trusted


def _memberships(front: Front, email: str) -> Any:
    db.session.rollback()
    account = front.services.accounts.find_by_email(email)
    assert account is not None
    return front.services.tenants.memberships.of_account(account.id)


@pytest.mark.parametrize("trusted", [True, False])
def test_a_password_alone_brings_a_protected_account_into_no_other_company(
    nord: Company, trusted: bool
) -> None:
    """Süd's admins could take the second factor away that nobody else relies on."""
    front = nord.front
    front.member(SUED, "sven@sued.example", "admin")
    sued = front.services.tenants.get_by_customer_number(SUED)
    actor = CLI if trusted else nord.actor("sven@sued.example")
    account = front.services.accounts.find_by_email(ERIK)
    assert account is not None
    erik = front.services.persons.load(account.subject)
    assert erik is not None
    adding = front.services.authn.own_factors.adding
    secret = pyotp.TOTP(adding.begin_totp(erik, "test").secret.replace(" ", ""))
    code = secret.at(int(front.clock.now().timestamp()))
    adding.confirm_totp(erik, "test", code, "", Where("127.0.0.1"))
    front.services.accounts.set_self_mfa(account.id, False)  # not wanted at every sign-in
    front.clock.forward(minutes=5)
    job = front.services.imports.stage(sued.id, actor, "x.csv", f"E-Mail\n{ERIK}\n".encode()).id
    nord.run()
    front.services.imports.apply(sued.id, actor, job)
    nord.run()
    thief = front.browser()
    address = to_password(thief, ERIK)
    password(thief, address)
    assert 'data-step="activate"' in thief.get(address).text
    post(thief, address, step="activate")
    assert [m.tenant_id for m in _memberships(front, ERIK)] == [nord.tenant_id]
    assert 'data-step="second-factor"' in thief.get(address).text
    now = int(front.clock.now().timestamp())
    post(thief, address, step="second-factor", code=secret.at(now))
    assert 'data-step="activate"' in thief.get(address).text
    post(thief, address, step="activate")
    assert {m.tenant_id for m in _memberships(front, ERIK)} == {nord.tenant_id, sued.id}


# -- the change log -----------------------------------------------------------------------------


def test_whoever_writes_into_the_database_alone_has_no_record_taken_away(nord: Company) -> None:
    """By a setting that no admin has made, nor one that an admin has taken back."""
    services, clock = nord.front.services, nord.front.clock
    kept = len(list(services.audit.export(nord.tenant_id)))

    def night(days: int | None) -> int:
        with transaction():
            services.tenants.get(nord.tenant_id).audit_retention_days = days
        services.background.run_hourly()
        db.session.rollback()
        return len(list(services.audit.export(nord.tenant_id)))

    clock.forward(days=200)
    assert night(90) == kept, "nobody has said so"
    with transaction():
        services.tenants.get(nord.tenant_id).audit_retention_days = None
    services.log_settings.set_retention(nord.tenant_id, CLI, 365)
    assert night(90) == kept + 1, "that was 365"
    services.log_settings.set_retention(nord.tenant_id, CLI, 95)
    services.background.run_hourly()
    db.session.rollback()
    said = list(services.audit.export(nord.tenant_id))
    assert [r["event"] for r in said] == ["log.retention"] * 2 + ["log.let_go"]
    clock.forward(days=200)
    services.people.lock_member(nord.tenant_id, CLI, nord.erik)
    services.background.run_hourly()
    assert len(list(services.audit.export(nord.tenant_id))) < 6, "and it goes on by itself"
    clock.forward(days=200)
    services.people.unlock_member(nord.tenant_id, CLI, nord.erik)
    services.background.run_hourly()
    db.session.rollback()
    assert services.audit.verify(nord.tenant_id) == []
    assert [r["event"] for r in services.audit.export(nord.tenant_id)][-1] == "log.let_go"
