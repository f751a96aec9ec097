"""The people console over HTTP: the list in its address, many at once, the file, invitations, one
person; and what helpers of an admin can and cannot do there."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient

from idp.infra.database import transaction
from idp.people.actors import Actor
from idp.tenants.catalogue import MANAGE_CLIENTS, MANAGE_PEOPLE, READ_LOG, default_permissions
from idp.tenants.models import Tenant
from tests.web.conftest import Front
from tests.web.document import Document

NORD, SUED = "012345678", "087654321"
BASE = f"/admin/{NORD}"
CONSOLE = Actor.command_line()


@dataclass
class Company:
    """Nord with an admin signed in."""

    front: Front
    browser: FlaskClient
    tenant_id: str

    def page(self, path: str, **more: Any) -> str:
        answer = self.browser.get(f"{BASE}{path}", **more)
        assert answer.status_code == 200, answer.status_code
        return answer.text

    def post(self, path: str, browser: FlaskClient | None = None, **form: Any) -> Any:
        data = {"csrf_token": self.front.csrf, **form}
        return (browser or self.browser).post(f"{BASE}{path}", data=data)

    def member(self, email: str, role: str = "employee", **names: str) -> str:
        if names:
            self.front.services.accounts.create(email, email_verified=True, **names)
        return self.front.member(NORD, email, role)

    def helper(self, email: str, *rights: str) -> tuple[str, FlaskClient]:
        member = self.member(email)
        wanted = [*default_permissions(), *rights]
        self.front.services.people.set_permissions(self.tenant_id, CONSOLE, member, wanted)
        return member, self.front.sign_in(email)

    def permissions(self, member: str) -> set[str]:
        row = self.front.services.people.get_member(self.tenant_id, member)
        return set(row.permissions)

    def status(self, member: str) -> str:
        return self.front.services.people.get_member(self.tenant_id, member).status

    def events(self) -> list[dict[str, Any]]:
        return list(self.front.services.audit.export(self.tenant_id))


@pytest.fixture
def nord(front: Front) -> Company:
    front.member(NORD, "anna@nord.example", "admin")
    tenant = front.services.tenants.get_by_customer_number(NORD)
    front.services.tenants.set_products(tenant.id, ["hr", "payroll"])
    return Company(front, front.sign_in("anna@nord.example"), tenant.id)


def names_in(page: str) -> list[str]:
    return re.findall(r'class="name"><a [^>]*><strong>([^<]*)</strong>', page)


def href(page: str, words: str) -> str:
    found = re.search(rf'<a [^>]*href="([^"]+)"[^>]*>{words}', page)
    assert found, words
    return found[1].replace("&amp;", "&")


# -- the list ------------------------------------------------------------------------------------


def test_the_whole_view_is_in_the_address_and_survives_paging(nord: Company) -> None:
    for number in range(60):
        nord.member(f"p{number:02d}@nord.example", given_name=f"Nr{number:02d}", family_name="Zett")
    first = nord.page("/people?q=zett&sort=-email&size=25&status=active&role=employee")
    assert names_in(first)[0] == "Nr59 Zett"
    assert "60 people" in first
    following = href(first, "Further people")
    assert dict(parse_qsl(urlsplit(following).query)).keys() == {
        *("q", "sort", "size", "status", "role", "after")
    }
    second = nord.browser.get(following).text
    third = nord.browser.get(href(second, "Further people")).text
    assert "Further people" not in third
    everybody = names_in(first) + names_in(second) + names_in(third)
    assert everybody == [f"Nr{number:02d} Zett" for number in range(59, -1, -1)]
    back = href(third, "To the beginning")
    assert names_in(nord.browser.get(back).text) == names_in(first)
    # The other orders start anew and keep the rest.
    assert "q=zett" in href(second, "Last sign-in")
    assert "after=" not in href(second, "Last sign-in")
    assert 'aria-sort="descending"' not in third  # by e-mail, which has no column of its own


def test_an_address_that_makes_no_sense_shows_the_list(nord: Company) -> None:
    for query in (
        *("sort=password_hash", "size=100000", "size=x", "status=removed", "role=operator"),
        *("factor=1", "after=AAAA", f"after={'A' * 5000}", "after=WzEsMiwzXQ"),
        "sort=role&after=WyJhIiwiYiIsImMiXQ",
        "q=%E2%80%AE%3Cb%3E&status=&status=locked",
        f"q={'x' * 3000}",
    ):
        answer = nord.browser.get(f"{BASE}/people?{query}")
        assert answer.status_code == 200, query
        assert "<b>" not in answer.text
    assert nord.browser.get(f"{BASE}/people?q=%00").status_code == 400


def test_filters(nord: Company) -> None:
    nord.member("carl@nord.example", given_name="Carl", family_name="Can")
    locked = nord.member("lotte@nord.example", given_name="Lotte", family_name="Lang")
    nord.helper("hanna@nord.example", MANAGE_PEOPLE)
    nord.post(f"/people/{locked}", action="lock", reason="left")
    assert names_in(nord.page("/people?status=locked")) == ["Lotte Lang"]
    assert "Helper" in nord.page("/people?role=helper")
    assert len(names_in(nord.page("/people?role=admin"))) == 1
    assert len(names_in(nord.page("/people?factor=none"))) == 2
    assert "There is nobody of this kind" in nord.page("/people?status=waiting")


# -- many at once --------------------------------------------------------------------------------


def test_many_are_locked_after_a_look_at_who_it_is(nord: Company) -> None:
    some = [nord.member(f"p{number}@nord.example") for number in range(3)]
    me = nord.front.services.people.list_people(nord.tenant_id, search="anna@").rows[0]
    everybody = [*some, me.membership_id]
    asked = nord.post("/people/selected", action="lock", person=everybody, list="q=p&size=25")
    assert asked.status_code == 200
    assert "Lock 3 people" in asked.text
    assert "This is you" in asked.text
    assert {nord.status(one) for one in some} == {"active"}
    unsaid = nord.post("/people/selected", action="lock", person=some, confirm="1", list="q=p")
    assert unsaid.status_code == 400
    done = nord.post(
        "/people/selected", action="lock", person=everybody, confirm="1", reason="x", list="q=p"
    )
    assert done.status_code == 303
    assert done.location == f"{BASE}/people?q=p&done=people-locked"
    assert {nord.status(one) for one in some} == {"locked"}
    assert nord.status(me.membership_id) == "active"
    assert len([e for e in nord.events() if e["event"] == "member.locked"]) == 3
    nothing = nord.post("/people/selected", action="lock", person=some, confirm="1", reason="x")
    assert "There is nothing to do" in nothing.text
    done = nord.post("/people/selected", action="unlock", person=some, confirm="1", reason="x")
    assert done.location.endswith("done=people-unlocked")
    assert {nord.status(one) for one in some} == {"active"}


def test_many_are_reminded_once_a_day(nord: Company) -> None:
    nord.front.services.tenants.set_policy(nord.tenant_id, mfa="everyone", factors=("totp",))
    some = [nord.member(f"p{number}@nord.example") for number in range(2)]
    asked = nord.post("/people/selected", action="remind", person=some)
    assert "Remind 2 people" in asked.text
    done = nord.post("/people/selected", action="remind", person=some, confirm="1")
    assert done.location.endswith("done=reminded")
    again = nord.post("/people/selected", action="remind", person=some, confirm="1")
    assert "Reminded within the last day" in again.text
    noted = [e for e in nord.events() if e["event"] == "mfa.reminded"]
    assert [e["detail"]["people"] for e in noted] == [2]


def test_a_selection_that_makes_no_sense_is_refused(nord: Company) -> None:
    cases: tuple[tuple[dict[str, Any], int], ...] = (
        ({"action": "lock"}, 400),
        ({"action": "lock", "person": ["x", "", "1" * 31, "\x00" * 32]}, 400),
        ({"action": "lock", "person": [f"{n:032x}" for n in range(201)]}, 400),
        ({"action": "lock", "person": ["0" * 32]}, 404),
        ({"action": "remove", "person": ["0" * 32]}, 400),
        ({"person": ["0" * 32]}, 400),
    )
    for form, status in cases:
        assert nord.post("/people/selected", **form).status_code == status, form
    hostile = nord.post("/people/selected", action="lock", list="https://evil.example/?a=b&" * 99)
    assert "evil.example" not in hostile.text


# -- what waits for a sign-in ----------------------------------------------------------------------

ANNA = "anna@nord.example"


def test_what_a_stolen_session_must_not_do_to_a_person(nord: Company) -> None:
    """It waits, and comes back as it was filled in; a lock alone is needed this minute."""
    carl = nord.member("carl@nord.example", given_name="Carl", family_name="Cohn")
    nord.front.sign_in("carl@nord.example")
    page, typed = f"/people/{carl}", {"reason": "the phone is lost", "confirm_name": "Carl Cohn"}
    nord.front.clock.forward(minutes=10)
    assert nord.post(page, action="lock", reason="now").location.endswith("done=person-locked")
    for action in ("unlock", "remove", "reset-factors"):
        answer = nord.post(page, action=action, **typed)
        assert "lost" not in nord.front.way_back(answer), action
        shown = Document(nord.front.after_sign_in(answer, ANNA).text)
        (reason,) = [one for one in shown.all("input", name="reason") if one.get("value")]
        assert (reason.get("id"), reason.get("value")) == (f"reason-{action}", typed["reason"])
        assert "autofocus" in reason.attributes
        assert [d for d in reason.inside if d.tag == "details" and "open" in d.attributes], action
        assert shown.all("input", name="confirm_name")[0].get("value") == "Carl Cohn"
        nord.front.clock.forward(minutes=10)
    wanted = {"action": "permissions", "permission": ["hr.absence.approve", MANAGE_PEOPLE]}
    for form in ({"action": "role", "role": "admin"}, wanted):
        shown = Document(nord.front.after_sign_in(nord.post(page, **form), ANNA).text)
        for name, value in list(form.items())[1:]:
            boxes = [b for b in shown.all("input", name=name) if "checked" in b.attributes]
            found = {box.get("value") for box in boxes}
            assert found == {value} if isinstance(value, str) else set(value) <= found, name
        nord.front.clock.forward(minutes=10)
    assert nord.status(carl) == "locked"
    assert nord.permissions(carl) == set(default_permissions())


def test_an_invitation_that_waits_comes_back_as_it_was(nord: Company) -> None:
    nord.front.clock.forward(minutes=10)
    answer = nord.post("/people/invite", **{**INVITEE, "role": "admin"}, product=["hr"])
    shown = Document(nord.front.after_sign_in(answer, ANNA).text)
    assert shown.all("input", name="email")[0].get("value") == INVITEE["email"]
    ticked = [box.get("value") for box in shown.all("input") if "checked" in box.attributes]
    assert "admin" in ticked
    assert not set(default_permissions()) & set(ticked), "nothing was ticked, so nothing is"


def test_a_selection_waits_for_a_sign_in(nord: Company) -> None:
    some = [nord.member(f"p{number}@nord.example") for number in range(3)]
    nord.post("/people/selected", action="lock", person=some, confirm="1", reason="x")
    nord.front.clock.forward(minutes=10)
    chosen = {"person": some[:2], "list": "q=p"}
    unlock = {"action": "unlock", "confirm": "1", "reason": "they are back"}
    shown = Document(
        nord.front.after_sign_in(nord.post("/people/selected", **unlock, **chosen), ANNA).text
    )
    assert {one.get("value") for one in shown.all("input", name="person")} == set(some[:2])
    assert shown.all("input", name="reason")[0].get("value") == "they are back"
    assert {nord.status(one) for one in some} == {"locked"}
    # For a file, the list comes back with its boxes ticked.
    weak = nord.front.sign_in(ANNA, second_factor=False)
    answer = nord.post("/people/selected", weak, action="export", **chosen)
    shown = Document(nord.front.after_sign_in(answer, ANNA).text)
    boxes = shown.all("input", name="person")
    assert {one.get("value") for one in boxes if "checked" in one.attributes} == set(some[:2])
    assert nord.browser.get(f"{BASE}/people/selected").location == f"{BASE}/people"


# -- the file ------------------------------------------------------------------------------------


def rows_of(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def test_the_file_has_whom_the_list_shows_and_no_formulas(nord: Company) -> None:
    nord.member("eve@nord.example", given_name="=HYPERLINK(1)", family_name="@cmd")
    nord.member("carl@nord.example", given_name="Carl", family_name="Can")
    answer = nord.browser.get(f"{BASE}/people.csv?role=employee")
    rows = rows_of(answer)
    assert [row["email"] for row in rows] == ["carl@nord.example", "eve@nord.example"]
    assert rows[1]["given_name"] == "'=HYPERLINK(1)"
    assert rows[1]["family_name"] == "'@cmd"
    assert rows[0]["permissions"] == " ".join(default_permissions())
    (noted,) = [e for e in nord.events() if e["event"] == "people.exported"]
    assert noted["detail"] == {"people": 2, "role": "employee"}


def test_a_selection_as_a_file(nord: Company) -> None:
    one = nord.member("carl@nord.example")
    other = nord.front.member(SUED, "sven@sued.example", "admin")
    answer = nord.post("/people/selected", action="export", person=[one, other])
    assert [row["email"] for row in rows_of(answer)] == ["carl@nord.example"]


def test_a_long_file_is_read_in_portions(nord: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idp.people.members.export.MAX_PAGE", 3)
    for number in range(10):
        nord.member(f"p{number}@nord.example")
    rows = rows_of(nord.browser.get(f"{BASE}/people.csv?sort=-last-sign-in"))
    assert len(rows) == len({row["email"] for row in rows}) == 11


# -- inviting ------------------------------------------------------------------------------------

INVITEE = {
    "given_name": "Nina",
    "family_name": "Neu",
    "email": "nina@nord.example",
    "role": "employee",
    "products": "all",
}


def test_an_invitation_carries_permissions_and_products(nord: Company) -> None:
    form = {**INVITEE, "permission": ["hr.team.read"], "products": "some", "product": ["hr"]}
    assert nord.post("/people/invite", **form).location == f"{BASE}/people?done=invited"
    (row,) = nord.front.services.people.invitations.list(nord.tenant_id)
    assert (row.permissions, row.products, row.sent_at) == (
        ["hr.team.read"],
        ["hr"],
        nord.front.clock.now(),
    )
    assert "Nina Neu" in nord.page("/people")


def test_an_invitation_that_is_refused_keeps_what_was_typed(nord: Company) -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"given_name": ""}, "Enter the first name"),
        ({"family_name": "x" * 201}, "This is too long"),
        ({"family_name": "a\u202eb"}, "Use letters"),
        ({"email": "nina@"}, "Enter an e-mail address"),
        ({"email": ""}, "Enter the person’s e-mail address"),
        ({"role": "owner"}, "Choose a role"),
        ({"permission": ["hr.everything"]}, "not on offer"),
        ({"products": "some"}, "Choose at least one product"),
        ({"products": "some", "product": ["accounting"]}, "not on offer"),
        ({"email": "anna@nord.example"}, "belongs to your company already"),
    )
    for change, says in cases:
        answer = nord.post("/people/invite", **{**INVITEE, **change})
        assert answer.status_code == 400, change
        assert says in answer.text, change
        if "given_name" not in change:
            assert 'value="Nina"' in answer.text
    assert not nord.front.services.people.invitations.list(nord.tenant_id)


def test_open_invitations_are_sorted_by_what_they_need(nord: Company) -> None:
    for number in range(7):
        nord.post("/people/invite", **{**INVITEE, "email": f"n{number}@nord.example"})
        nord.front.clock.forward(seconds=1)
    few = nord.page("/people")
    assert few.count('name="invitation"') == 5
    assert "All 7 open invitations" in few
    nord.front.clock.forward(days=8)
    nord.browser = nord.front.sign_in("anna@nord.example")
    nord.post("/people/invite", **{**INVITEE, "email": "late@nord.example"})
    expired = nord.page("/people/invitations?state=expired")
    assert expired.count('name="invitation"') == 7
    assert "late@nord.example" not in expired
    assert "late@nord.example" in nord.page("/people/invitations?state=valid")
    assert "n3@nord.example" in nord.page("/people/invitations?q=n3")
    one = re.search(r'name="invitation" value="(\w+)"', expired)
    assert one
    again = nord.post("/people/invitations", action="resend", invitation=one[1], state="expired")
    assert again.location.endswith("/people/invitations?state=expired&done=invitation-resent")
    assert nord.page("/people/invitations?state=expired").count('name="invitation"') == 6
    gone = nord.post("/people/invitations", action="revoke", invitation=one[1])
    assert gone.location.endswith("invitations?done=invitation-revoked")
    for wrong, status in ((one[1], 404), ("x", 404), ("\x00", 400)):
        answer = nord.post("/people/invitations", action="revoke", invitation=wrong)
        assert answer.status_code == status


# -- one person ----------------------------------------------------------------------------------


def test_products_of_a_person(nord: Company) -> None:
    member = nord.member("carl@nord.example")
    page = f"/people/{member}"
    done = nord.post(page, action="products", products="some", product=["payroll"])
    assert done.location.endswith("done=products-saved")
    row = nord.front.services.people.get_member(nord.tenant_id, member)
    assert row.products == ("payroll",)
    refused = nord.post(page, action="products", products="some", product=["accounting"])
    assert refused.status_code == 400
    assert nord.post(page, action="products").status_code == 400
    nord.post(page, action="products", products="all")
    row = nord.front.services.people.get_member(nord.tenant_id, member)
    assert row.products is None


def test_a_lock_says_before_what_ends(nord: Company) -> None:
    member = nord.member("carl@nord.example")
    assert "not signed in at the moment" in nord.page(f"/people/{member}")
    page = nord.page(f"/people/{member}")
    assert "Latest changes" in page
    assert f"{BASE}/log?person={member}" in page
    nord.post(f"/people/{member}", action="lock", reason="left")
    page = nord.page(f"/people/{member}")
    assert "Locked in the company" in page


def test_the_only_admin_is_told_before_trying(nord: Company) -> None:
    me = nord.front.services.people.list_people(nord.tenant_id).rows[0]
    page = nord.page(f"/people/{me.membership_id}")
    assert "This is the only admin" in page
    assert 'value="lock"' not in page
    assert 'value="remove"' not in page
    for action in ("lock", "remove"):
        answer = nord.post(
            f"/people/{me.membership_id}", action=action, reason="x", confirm_name=me.name
        )
        assert answer.status_code == 400
    demoted = nord.post(f"/people/{me.membership_id}", action="role", role="employee")
    assert "last admin" in demoted.text


# -- the first page ------------------------------------------------------------------------------


def test_the_first_page_says_what_to_do_and_is_calm_when_there_is_nothing(nord: Company) -> None:
    services = nord.front.services
    with transaction() as session:
        session.get_one(Tenant, nord.tenant_id).accounts_mode = "central"
    assert "There is only one admin" in nord.page("")
    nord.member("berta@nord.example", "admin")
    nord.front.sign_in("berta@nord.example")  # sets up a second factor on the way
    assert "Everything is in order" in nord.page("")
    nord.post("/people/invite", **INVITEE)
    nord.front.clock.forward(days=8)
    nord.browser = nord.front.sign_in("anna@nord.example")
    page = nord.page("")
    assert "1 invitation has expired" in page
    assert "Latest changes" in page
    assert "nina@nord.example" in nord.browser.get(href(page, "Look")).text
    assert nord.browser.get("/admin").location == BASE
    german = nord.page("?lang=de")
    assert "1 Einladung ist abgelaufen" in german
    assert services.people.count_people(nord.tenant_id) == 2


def test_a_helper_finds_on_the_first_page_what_is_theirs(nord: Company) -> None:
    _, reader = nord.helper("rita@nord.example", READ_LOG)
    page = reader.get(BASE).text
    assert "Nothing wants your attention" in page
    assert "Latest changes" in page
    assert f"{BASE}/people" not in page
    _, helper = nord.helper("hanna@nord.example", MANAGE_PEOPLE)
    page = helper.get(BASE).text
    assert f"{BASE}/people?role=admin" in page
    assert "Latest changes" not in page
    assert "only one admin" not in page


# -- helpers -------------------------------------------------------------------------------------


def test_a_helper_sees_and_opens_their_part_only(nord: Company) -> None:
    member = nord.member("carl@nord.example")
    cases = {
        MANAGE_PEOPLE: {
            *("", "/people", "/people/invite", "/people/invitations", "/people.csv"),
            f"/people/{member}",
        },
        MANAGE_CLIENTS: {"", "/clients"},
        READ_LOG: {""},
    }
    paths = set().union(*cases.values()) | {"/policy", "/company", "/requests"}
    for number, (right, opened) in enumerate(cases.items()):
        _, browser = nord.helper(f"h{number}@nord.example", right)
        for path in sorted(paths):
            expected = 200 if path in opened else 404
            assert browser.get(f"{BASE}{path}").status_code == expected, (right, path)


def test_a_helper_grants_and_withdraws_only_what_they_hold(nord: Company) -> None:
    _, browser = nord.helper("hanna@nord.example", MANAGE_PEOPLE, "hr.team.read")
    member = nord.member("carl@nord.example")
    keeps = {"hr.profile.read", "payroll.run.release"}
    nord.front.services.people.set_permissions(nord.tenant_id, CONSOLE, member, keeps)
    page = browser.get(f"{BASE}/people/{member}").text
    box = re.search(r'<input[^>]*id="permission-payroll.run.release"[^>]*>', page)
    assert box
    assert "disabled" in box[0]
    assert "checked" in box[0]
    # What the form cannot tick stays; what they hold changes.
    done = nord.post(
        f"/people/{member}", browser, action="permissions", permission=["hr.team.read"]
    )
    assert done.status_code == 303
    assert nord.permissions(member) == {"hr.team.read", "payroll.run.release"}
    # A forged box, alone or by its whole group, is refused or does nothing.
    forged = nord.post(
        f"/people/{member}", browser, action="permissions", permission=["payroll.run.read"]
    )
    assert forged.status_code == 400
    assert "only what you hold yourself" in forged.text
    nord.post(
        f"/people/{member}",
        browser,
        action="permissions",
        permission_group=["payroll:Organisation", "hr:Team"],
    )
    assert nord.permissions(member) == {"hr.team.read", "payroll.run.release"}
    forged = nord.post("/people/invite", browser, **INVITEE, permission=["payroll.run.read"])
    assert forged.status_code == 400
    assert not nord.front.services.people.invitations.list(nord.tenant_id)
    made = nord.post("/people/invite", browser, **INVITEE, permission=["hr.team.read"])
    assert made.status_code == 303


def test_a_helper_neither_makes_nor_touches_admins(nord: Company) -> None:
    own, browser = nord.helper("hanna@nord.example", MANAGE_PEOPLE)
    other = nord.member("berta@nord.example", "admin")
    member = nord.member("carl@nord.example")
    page = browser.get(f"{BASE}/people/{other}").text
    assert "Only another admin can change anything here" in page
    assert 'name="action"' not in page.split("Role</h2>")[0].split("<main")[1]
    for target in (other, own, member):
        assert nord.post(f"/people/{target}", browser, action="role", role="admin").status_code in (
            400,
            404,
        )
    for fields in (
        {"action": "lock", "reason": "x"},
        {"action": "remove", "reason": "x", "confirm_name": "Anna Adler"},
        {"action": "permissions", "permission": ["hr.profile.read"]},
        {"action": "products", "products": "some", "product": ["hr"]},
        {"action": "reset-factors", "reason": "x"},
    ):
        answer = nord.post(f"/people/{other}", browser, **fields)
        assert answer.status_code == 400, fields
        assert "Only an admin can do this" in answer.text
    assert nord.status(other) == "active"
    invited = nord.post("/people/invite", browser, **{**INVITEE, "role": "admin"})
    assert invited.status_code == 400
    assert "Only an admin" in invited.text
    mine = nord.post(f"/people/{own}", browser, action="permissions", permission=["hr.team.read"])
    assert mine.status_code == 400
    bulk = nord.post("/people/selected", browser, action="lock", person=[other, member])
    assert "An admin; only admins can do this" in bulk.text
    nord.post(
        *("/people/selected", browser),
        action="lock",
        person=[other, member],
        confirm="1",
        reason="x",
    )
    assert (nord.status(other), nord.status(member)) == ("active", "locked")
    # An invitation of an admin is none of theirs either.
    nord.post("/people/invite", **{**INVITEE, "role": "admin"})
    (row,) = nord.front.services.people.invitations.list(nord.tenant_id)
    taken = nord.post("/people/invitations", browser, action="revoke", invitation=row.id)
    assert taken.status_code == 404


def test_a_helper_reminds_and_makes_no_exceptions(nord: Company) -> None:
    nord.front.services.tenants.set_policy(nord.tenant_id, mfa="everyone", factors=("totp",))
    _, browser = nord.helper("hanna@nord.example", MANAGE_PEOPLE)
    member = nord.member("carl@nord.example")
    page = browser.get(f"{BASE}/people/{member}").text
    assert "Send a reminder" in page
    assert "Let in once" not in page
    path = f"/people/{member}/second-factor"
    assert nord.post(path, browser, action="remind").location.endswith("done=reminded")
    answer = nord.post(path, browser, action="bypass", reason="x", hours="1")
    assert answer.status_code == 404


def test_a_helper_opens_only_products_that_are_open_to_them(nord: Company) -> None:
    own, browser = nord.helper("hanna@nord.example", MANAGE_PEOPLE)
    nord.front.services.people.set_products(nord.tenant_id, CONSOLE, own, ["hr"])
    member = nord.member("carl@nord.example")
    people = nord.front.services.people
    people.set_products(nord.tenant_id, CONSOLE, member, ["payroll"])
    page = f"/people/{member}"
    assert nord.post(page, browser, action="products", products="all").status_code == 400
    both = {"action": "products", "products": "some", "product": ["hr"]}
    assert nord.post(page, browser, **both).status_code == 303
    assert people.get_member(nord.tenant_id, member).products == ("hr", "payroll")
    closed = {"products": "some", "product": ["payroll"]}
    assert nord.post("/people/invite", browser, **{**INVITEE, **closed}).status_code == 400
    # All that are booked: of those the ones that are open to the helper.
    done = nord.post("/people/invite", browser, **{**INVITEE, "products": "all"})
    assert done.status_code == 303
    (invited,) = people.invitations.list(nord.tenant_id)
    assert invited.products == ["hr"]
