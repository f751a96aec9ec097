"""The change log in the two consoles: what is shown, to whom, as which file."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from idp.infra.audit_check import compare
from idp.infra.database import db
from idp.people.actors import Actor
from idp.tenants.catalogue import READ_LOG
from tests.web.conftest import Front

NORD, SUED = "012345678", "087654321"
ANNA, ERIK = "anna@nord.example", "erik@nord.example"


@pytest.fixture
def nord(front: Front) -> Front:
    front.member(NORD, ANNA, "admin")
    front.member(NORD, ERIK, "employee")
    return front


def chain(front: Front, number: str = NORD) -> str:
    return front.services.tenants.get_by_customer_number(number).id


def membership(front: Front, email: str) -> str:
    services = front.services
    account = services.accounts.find_by_email(email)
    assert account is not None
    found = services.tenants.memberships.find(chain(front), account.id)
    assert found is not None
    return found.id


def text_of(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.data
    return str(answer.data.decode())


def test_the_admin_reads_filters_and_follows(nord: Front) -> None:
    browser, here = nord.sign_in(ANNA), f"/admin/{NORD}/log"
    erik = membership(nord, ERIK)
    tenants = nord.services.tenants
    tenants.memberships.set_permissions(chain(nord), erik, ["hr.team.read"])
    html = text_of(browser.get(here))
    for said in ("Company created", "Company joined", "Permissions changed", "See the team"):
        assert said in html, said
    assert f'href="/admin/{NORD}/people/{erik}"' in html
    assert "Permissions changed" not in text_of(browser.get(f"{here}?category=tenant"))
    assert "Company created" not in text_of(browser.get(f"{here}?person={erik}"))
    # words of either language find an event
    for words in ("permissions chang", "Berechtigungen"):
        assert "See the team" in text_of(browser.get(here, query_string={"q": words}))
    assert "Nothing in the log fits" in text_of(browser.get(f"{here}?from=2030-01-01"))
    assert "Permissions changed" in text_of(browser.get(f"{here}?from=2026-11-22&to=2026-11-22"))


@pytest.mark.parametrize("locale", ["en", "de"])
def test_both_languages(nord: Front, locale: str) -> None:
    rules: dict[str, Any] = {"mfa": "everyone", "grace_days": 7, "client_minimums": {"payroll": 3}}
    nord.services.tenants.set_policy(chain(nord), **rules, actor="cli")
    html = text_of(nord.sign_in(ANNA).get(f"/admin/{NORD}/log?lang={locale}"))
    said = {
        "en": (
            "Security policy changed",
            "Command line",
            "Grace period in days: 0 → 7",
            "Demanded by single products: nothing → Payroll: Passkey or security key",
        ),
        "de": (
            "Sicherheitsrichtlinie geändert",
            "Kommandozeile",
            "Frist in Tagen: 0 → 7",
            "Von einzelnen Produkten verlangt: nichts → Lohn: Passkey oder Sicherheitsschlüssel",
        ),
    }
    for words in said[locale]:
        assert words in html


def test_bad_filters(nord: Front) -> None:
    browser, here = nord.sign_in(ANNA), f"/admin/{NORD}/log"
    for bad in ("from=yesterday", "to=2026-13-01", "from=0001-01-01", "from=9999-12-31"):
        html = text_of(browser.get(f"{here}?{bad}"), 400)
        assert 'role="alert"' in html, bad
    assert "before the first" in text_of(browser.get(f"{here}?from=2026-02-02&to=2026-02-01"), 400)
    for harmless in (
        "before=x",
        "before=-1",
        "before=99999999999999999999",
        "category=nonsense",
        "event=nonsense",
        "q=%E2%80%AE",
        "q=%25%5F",
        "q=" + "x" * 5000,
        "q=a&q=b&before=3&before=4",
    ):
        text_of(browser.get(f"{here}?{harmless}"))
    assert "&lt;b&gt;" in text_of(browser.get(f"{here}?q=<b>"))
    assert browser.get(f"{here}?person={'0' * 32}").status_code == 404
    nord.member(SUED, "sven@sued.example", "admin")
    stranger = nord.services.accounts.find_by_email("sven@sued.example")
    other = nord.services.tenants.memberships.find(chain(nord, SUED), stranger.id)  # type: ignore[union-attr]
    assert browser.get(f"{here}?person={other.id}").status_code == 404  # type: ignore[union-attr]


def test_a_helper_who_may_read_it_reads_but_sets_nothing(nord: Front) -> None:
    here = f"/admin/{NORD}/log"
    browser = nord.sign_in(ERIK)
    assert browser.get(here).status_code == 404
    members = nord.services.tenants.memberships
    members.set_permissions(chain(nord), membership(nord, ERIK), [READ_LOG])
    html = text_of(browser.get(here))
    assert "retention" not in html
    assert f'href="/admin/{NORD}/people/' not in html  # not theirs to open
    form = {"csrf_token": nord.csrf}
    assert browser.post(f"{here}/export", data={**form, "format": "csv"}).status_code == 200
    assert browser.get(f"{here}/retention").status_code == 404
    answer = browser.post(f"{here}/retention", data={**form, "action": "save", "days": "90"})
    assert answer.status_code == 404


def test_files_agree_with_the_page_and_can_be_checked(nord: Front) -> None:
    nord.services.accounts.set_claims(
        nord.services.accounts.find_by_email(ERIK).id,  # type: ignore[union-attr]
        {"given_name": "=cmd()", "family_name": "Engel"},
    )
    nord.services.tenants.memberships.set_role(chain(nord), membership(nord, ERIK), "admin")
    browser, here = nord.sign_in(ANNA), f"/admin/{NORD}/log"
    form = {"csrf_token": nord.csrf, "category": "people"}
    answer = browser.post(f"{here}/export", data={**form, "format": "csv"})
    assert answer.headers["Content-Disposition"] == f'attachment; filename="log-{NORD}.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    rows = list(csv.reader(io.StringIO(text_of(answer).removeprefix("\ufeff"))))
    assert rows[0][:4] == ["Number", "When", "Category", "What"]
    assert [row[3] for row in rows[1:]] == ["Company joined", "Company joined", "Role changed"]
    assert rows[-1][6] == "'=cmd() Engel"
    assert rows[-1][9] == "Role: Employee → Admin"
    whole = {"csrf_token": nord.csrf, "format": "jsonl"}
    answer = browser.post(f"{here}/export", data=whole)
    lines = text_of(answer).splitlines()
    db.session.rollback()
    problems, (joined,) = compare(nord.services.audit.keys, lines)
    assert (problems, joined.first, joined.last) == ([], 1, len(lines))
    records = [json.loads(line) for line in lines]
    assert all(record["tenant_id"] == chain(nord) for record in records)
    exported = [r for r in nord.services.audit.export(chain(nord)) if r["event"] == "log.exported"]
    assert [r["detail"]["format"] for r in exported] == ["csv", "jsonl"]
    assert exported[0]["detail"]["category"] == "people"
    for bad in ({"format": "xml"}, {}, {"format": "csv", "from": "x"}):
        data = {"csrf_token": nord.csrf, **bad}
        assert browser.post(f"{here}/export", data=data).status_code == 400
    assert browser.get(f"{here}/export").status_code == 405


def test_how_long_it_is_kept(nord: Front) -> None:
    browser, here = nord.sign_in(ANNA), f"/admin/{NORD}/log/retention"
    text_of(browser.get(here))
    nord.clock.forward(seconds=200)
    assert "90" in text_of(browser.get(f"{here}?days=90"))
    for bad in ("89", "x", "-1", "0", "99999", "٩٠"):
        assert 'id="days-error"' in text_of(browser.get(here, query_string={"days": bad}), 400)
    form = {"csrf_token": nord.csrf, "action": "save"}
    answer = browser.post(here, data={**form, "days": "90"})
    assert answer.location.endswith("/log?done=retention-saved")
    assert "kept for 90 days" in text_of(browser.get(f"/admin/{NORD}/log"))
    assert browser.post(here, data={**form, "days": "7"}).status_code == 303
    assert nord.services.log_settings.retention_of(chain(nord)) == 90
    nord.clock.forward(seconds=301)
    assert browser.post(here, data={**form, "days": "ever"}).location.startswith("/login/")
    nord.clock.forward(days=100)
    late = nord.sign_in(ANNA)
    assert "older than that" in text_of(late.get(f"{here}?days=95"))
    before = len(list(nord.services.audit.export(chain(nord))))
    nord.services.background.run_hourly()
    db.session.rollback()
    after = list(nord.services.audit.export(chain(nord)))
    assert len(after) < before
    assert after[-1]["event"] == "log.let_go"
    assert nord.services.audit.verify() == []
    assert "Old records" in text_of(late.get(f"/admin/{NORD}/log"))


def test_operators_read_every_log_and_the_platforms(nord: Front) -> None:
    nord.account("olga@einlass.example")
    services = nord.services
    olga = services.accounts.find_by_email("olga@einlass.example")
    assert olga is not None
    services.accounts.set_operator(olga.id, True, actor="cli")
    person = services.persons.load(olga.subject)
    assert person is not None
    services.people.lock_member(chain(nord), Actor.operator(person), membership(nord, ERIK))
    browser = nord.sign_in("olga@einlass.example")
    html = text_of(browser.get("/operator/log"))
    assert "Made an operator" in html
    assert "olga@einlass.example" in html
    company = f"/operator/companies/{NORD}/log"
    assert "olga@einlass.example" in text_of(browser.get(company))
    # The company reads that an operator did it, not who that is.
    seen = text_of(nord.sign_in(ANNA).get(f"/admin/{NORD}/log"))
    assert "Einlass operator" in seen
    assert "olga@" not in seen
    form = {"csrf_token": nord.csrf, "format": "jsonl"}
    for url, name in ((company, NORD), ("/operator/log", "platform")):
        answer = browser.post(f"{url}/export", data=form)
        assert f'filename="log-{name}.jsonl"' in answer.headers["Content-Disposition"]
        assert compare(services.audit.keys, text_of(answer).splitlines())[0] == []
    assert browser.get("/operator/companies/099999999/log").status_code == 404
    assert nord.sign_in(ANNA).get("/operator/log").status_code == 404


def test_from_where_an_admin_acted_is_the_companys_to_know_alone(nord: Front) -> None:
    """Security rule 12: each record has an address; an admin's is not shown to whom they locked."""
    erik = membership(nord, ERIK)
    form = {"csrf_token": nord.csrf, "action": "lock", "reason": "lost laptop"}
    where = {"REMOTE_ADDR": "203.0.113.7"}
    nord.sign_in(ANNA).post(f"/admin/{NORD}/people/{erik}", data=form, environ_overrides=where)
    by_event = {e["event"]: e for e in nord.services.audit.export(chain(nord))}
    assert by_event["member.locked"]["ip"] == "203.0.113.7"
    assert by_event["member.added"]["ip"] is None, "no request was at hand"
    assert "203.0.113.7" in text_of(nord.sign_in(ANNA).get(f"/admin/{NORD}/log"))
    history = text_of(nord.sign_in(ERIK, second_factor=False).get("/account/history"))
    assert "Locked in the company" in history
    assert "203.0.113.7" not in history


def test_from_where_an_operator_acted_is_not_the_companys_to_know(nord: Front) -> None:
    subject = nord.account("olga@einlass.example")
    olga = nord.services.accounts.find_by_subject(subject)
    assert olga is not None
    nord.services.accounts.set_operator(olga.id, True)
    form = {"csrf_token": nord.csrf, "name": "Nordlicht GmbH", "action": "rename"}
    where = {"REMOTE_ADDR": "203.0.113.9"}
    browser = nord.sign_in("olga@einlass.example")
    browser.post(f"/operator/companies/{NORD}", data=form, environ_overrides=where)
    assert "203.0.113.9" in text_of(browser.get(f"/operator/companies/{NORD}/log"))
    assert "203.0.113.9" not in text_of(nord.sign_in(ANNA).get(f"/admin/{NORD}/log"))
