"""An admin of one company against every object of another: not found, unchanged, unseen.

Generated: the addresses from the route table, the form fields and actions from the views' source,
the rows from the database. A new route whose address names a new kind of object fails here until
:class:`Strangers` has one of it.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import MetaData, select
from werkzeug.routing import Rule

from idp.infra.database import Base, db
from idp.people.actors import Actor
from tests.web.conftest import Front

OURS, THEIRS = "012345678", "087654321"
MARK = "Fremdling"
"""In every name and address of the other company."""
NO_OBJECT = frozenset({"number", "format"})
"""Arguments of addresses that name no object of a company."""
COMMON = ("idp.web.contexts", "idp.web.http", "idp.web.security", "idp.web.render")
"""Of no view in particular."""
CHANGED_BY_A_REFUSAL = frozenset({"audit_events", "audit_heads"})


@dataclass
class Strangers:
    """A company with one object of each kind: ids by the name of the address's argument."""

    front: Front
    ids: dict[str, str] = field(default_factory=dict)

    def fill(self, number: str, mark: str) -> None:
        services = self.front.services
        tenant = services.tenants.create(number, f"{mark} GmbH")
        actor = Actor.command_line()
        domain = f"{mark.lower()}.example"
        self.front.member(number, f"boss@{domain}", "admin")
        member = self.front.member(number, f"member@{domain}", "employee")
        self.ids["membership_id"] = member
        invitation = services.people.invitations.invite(
            tenant.id, actor, f"guest@{domain}", mark, mark
        )
        self.ids["invitation_id"] = invitation.id
        client, _ = services.clients.register(
            {"client_name": f"{mark} app", "redirect_uris": [f"https://{domain}/cb"]},
            tenant_id=tenant.id,
        )
        self.ids["client_id"] = client.client_id
        self.ids["trial_id"] = f"trial-of-{mark.lower()}"
        job = services.imports.stage(tenant.id, actor, "x.csv", f"E-Mail\nx@{domain}\n".encode())
        services.background.run_once()
        self.ids["import_id"] = job.id
        for make in MAKERS:
            self.ids.update(make(self.front, tenant.id, member, mark))


Maker = Callable[[Front, str, str, str], dict[str, str]]
MAKERS: list[Maker] = []
"""Makes further objects: (front, tenant id, membership id, mark) → ids by argument."""


def console_rules(front: Front) -> list[Rule]:
    """Every address that names a company."""
    return [rule for rule in front.app.url_map.iter_rules() if rule.rule.startswith("/admin/<")]


def objects_of(rule: Rule) -> set[str]:
    return set(rule.arguments) - NO_OBJECT


def build(front: Front, rule: Rule, number: str, ids: dict[str, str]) -> str:
    adapter = front.app.url_map.bind("localhost")
    values = {name: ids.get(name, "csv") for name in rule.arguments if name != "number"}
    method = "POST" if "POST" in (rule.methods or ()) else None
    return str(adapter.build(rule.endpoint, values | {"number": number}, method=method))


@cache
def words_of(module: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of form fields and parameters, and values of ``action``, out of a view's source and
    that of what it uses of ``idp.web``.
    """
    fields, actions = {"person", "q", "after", "before"}, {"save"}
    for path in sorted(_sources(module)):
        for node in ast.walk(ast.parse(Path(path).read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ("get", "getlist") and node.args:
                    fields |= _text(node.args[0])
            elif isinstance(node, ast.MatchValue):
                actions |= _text(node.value)
            elif isinstance(node, ast.Compare):
                for one in node.comparators:
                    actions |= _text(one)
                    if isinstance(one, ast.Tuple | ast.Set):
                        actions |= {text for part in one.elts for text in _text(part)}
    plain = {word for word in fields if word.islower() and word.replace("_", "").isalpha()}
    return tuple(sorted(plain)), tuple(sorted(a for a in actions if 2 < len(a) < 30))


def _sources(module: str) -> set[str]:
    used = {module}
    for value in vars(sys.modules[module]).values():
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
        if str(name).startswith("idp.web.") and not str(name).startswith(COMMON):
            used.add(str(name))
    return {str(sys.modules[name].__file__) for name in used}


def _text(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    return set()


def rows_of(tenant_id: str) -> str:
    """A digest of every row that belongs to the company, whatever the table."""
    digest = hashlib.sha256()
    metadata: MetaData = Base.metadata
    for table in metadata.sorted_tables:
        if table.name in CHANGED_BY_A_REFUSAL or not _belongs(table.c.keys()):
            continue
        column = table.c.tenant_id if "tenant_id" in table.c else table.c.id
        query = select(table).where(column == tenant_id).order_by(*table.primary_key.columns)
        for row in db.session.execute(query):
            digest.update(repr((table.name, tuple(row))).encode())
    return digest.hexdigest()


def _belongs(columns: list[str]) -> bool:
    return "tenant_id" in columns or "customer_number" in columns


@pytest.fixture
def strangers(front: Front) -> Iterator[Strangers]:
    front.member(OURS, "anna@nord.example", "admin")
    front.member(OURS, "erik@nord.example", "employee")
    others = Strangers(front)
    others.fill(THEIRS, MARK)
    return others


def their_tenant(front: Front) -> str:
    return front.services.tenants.get_by_customer_number(THEIRS).id


def check_unseen(answer: Any, rule: Rule) -> None:
    assert MARK not in answer.get_data(as_text=True), rule
    assert MARK not in str(answer.headers), rule


def pages_not_found(front: Front) -> set[str]:
    """Where somebody of ours was not shown what they asked for, as our own log has it."""
    ours = front.services.tenants.get_by_customer_number(OURS).id
    records = front.services.audit.export(ours)
    return {r["detail"]["page"] for r in records if r["event"] == "console.not_found"}


def ask(browser: FlaskClient, front: Front, rule: Rule, path: str, form: dict[str, str]) -> Any:
    if "POST" in (rule.methods or ()) and "GET" not in (rule.methods or ()):
        return browser.post(path, data={**form, "csrf_token": front.csrf})
    return browser.get(path, query_string=form)


def test_every_kind_of_object_has_a_stranger(front: Front, strangers: Strangers) -> None:
    needed = {name for rule in console_rules(front) for name in objects_of(rule)}
    assert needed - strangers.ids.keys() == set()


def test_their_objects_are_not_found_in_our_console(front: Front, strangers: Strangers) -> None:
    browser = front.sign_in("anna@nord.example")
    before = rows_of(their_tenant(front))
    missed = set()
    for rule in console_rules(front):
        if not objects_of(rule):
            continue
        path = build(front, rule, OURS, strangers.ids)
        for action in ("", "delete", "lock", "save"):
            answer = ask(browser, front, rule, path, {"action": action, "reason": "x"})
            # A wrong form is refused before anything is looked up; then nothing was found either.
            assert answer.status_code in (400, 404), (rule, action)
            check_unseen(answer, rule)
            missed |= {rule.endpoint} if answer.status_code == 404 else set()
    assert rows_of(their_tenant(front)) == before
    assert pages_not_found(front) == missed


def test_our_admin_finds_nothing_in_their_console(front: Front, strangers: Strangers) -> None:
    browser = front.sign_in("anna@nord.example")
    before = rows_of(their_tenant(front))
    rules = list(console_rules(front))
    for rule in rules:
        answer = ask(browser, front, rule, build(front, rule, THEIRS, strangers.ids), {})
        assert answer.status_code == 404, rule
        check_unseen(answer, rule)
    assert rows_of(their_tenant(front)) == before
    assert pages_not_found(front) == {rule.endpoint for rule in rules}


@pytest.mark.parametrize("helper", [False, True])
def test_ids_in_forms_and_parameters_reach_nothing_of_theirs(
    front: Front, strangers: Strangers, helper: bool
) -> None:
    who = "anna@nord.example"
    if helper:
        who = "erik@nord.example"
        erik = front.services.accounts.find_by_email(who)
        ours = front.services.tenants.get_by_customer_number(OURS)
        assert erik is not None
        membership = front.services.tenants.memberships.find(ours.id, erik.id)
        assert membership is not None
        rights = ["company.people.manage", "company.log.read", "company.clients.manage"]
        front.services.tenants.memberships.set_permissions(ours.id, membership.id, rights)
    browser = front.sign_in(who)
    before = rows_of(their_tenant(front))
    taken = False
    own = {"membership_id": _own_member(front), "client_id": _own_client(front)}
    for rule in console_rules(front):
        if not objects_of(rule) <= own.keys():
            continue
        path = build(front, rule, OURS, own)
        fields, actions = words_of(front.app.view_functions[rule.endpoint].__module__)
        posts = "POST" in (rule.methods or ()) and "GET" not in (rule.methods or ())
        for kind in sorted(strangers.ids):
            form = dict.fromkeys(fields, strangers.ids[kind])
            for action in actions if posts else ("",):
                answer = ask(browser, front, rule, path, form | {"action": action})
                assert answer.status_code < 500, (rule, kind, action)
                taken |= answer.status_code == 303
                check_unseen(answer, rule)
    assert taken, "no form was accepted at all, so nothing was tried"
    assert rows_of(their_tenant(front)) == before


def test_one_of_theirs_among_those_selected_leaves_a_line(
    front: Front, strangers: Strangers
) -> None:
    browser, own = front.sign_in("anna@nord.example"), _own_member(front)
    form = {"csrf_token": front.csrf, "action": "lock", "reason": "x", "confirm": "1"}
    page = f"/admin/{OURS}/people/selected"
    assert browser.post(page, data=form | {"person": [own]}).status_code == 303
    assert pages_not_found(front) == set()
    both = form | {"action": "unlock", "person": [own, strangers.ids["membership_id"]]}
    assert browser.post(page, data=both).status_code == 303
    assert pages_not_found(front) == {"admin.selected_people"}


def _own_member(front: Front) -> str:
    return front.member(OURS, "own@nord.example", "employee")


def _own_client(front: Front) -> str:
    ours = front.services.tenants.get_by_customer_number(OURS)
    metadata = {"client_name": "own", "redirect_uris": ["https://own.example/cb"]}
    client, _ = front.services.clients.register(metadata, tenant_id=ours.id)
    return client.client_id
