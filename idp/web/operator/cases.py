"""The queue of recovery cases and one case: facts, approval, refusal (M10)."""

from flask import Response, abort

from idp.people.actors import Actor
from idp.people.recovery import case_facts
from idp.people.recovery.cases import APPROVALS, CaseRefused, UnknownCase
from idp.web import contexts
from idp.web.admin.frame import done, me_of
from idp.web.guards import operator
from idp.web.http import check_form, page, see_other, services
from idp.web.operator import bp
from idp.web.operator.frame import typed
from idp.web.signed_in import SignedIn
from idp.web.typed import typed_form

_FIELDS = {"approve": "note", "refuse": "reason"}


@bp.get("/operator/cases")
def queue() -> Response:
    """Who waits, and what was decided lately."""
    who = operator()
    now = services().clock.now()
    context = contexts.Cases(
        me=me_of(who.person),
        notice=done(),
        cases=tuple(_row(row, who) for row in case_facts.list_open(now)),
        closed=tuple(_row(row, who) for row in case_facts.list_closed(now)),
    )
    return page(context, person=who.person)


@bp.get("/operator/cases/<case_id>")
def case(case_id: str) -> Response:
    """One case, with what the asking person can be checked by."""
    who = operator()
    action = typed("action")
    return _case(who, case_id, action=action, text=_text(action))


@bp.post("/operator/cases/<case_id>")
def decide(case_id: str) -> Response:
    """Approve or refuse."""
    check_form()
    who = operator(fresh=True)
    action = typed("action")
    text = _text(action)
    if action not in _FIELDS:
        abort(400)
    cases, actor = services().cases, Actor.person(who.person)
    try:
        if action == "refuse":
            cases.refuse(case_id, actor, text)
            return see_other("/operator/cases?done=case-refused")
        decided = cases.approve(case_id, actor, text)
    except UnknownCase:
        abort(404)
    except CaseRefused as refused:
        errors = {refused.field: refused.code}
        return _case(who, case_id, action=action, text=text, errors=errors, status=400)
    if decided.status == "open":
        return see_other(f"/operator/cases/{case_id}?done=case-approved-once")
    return see_other("/operator/cases?done=case-approved")


def _text(action: str) -> str:
    """What was written for the decision."""
    return typed_form().get(_FIELDS.get(action, ""), "")[:4000]


def _case(
    who: SignedIn,
    case_id: str,
    *,
    action: str,
    text: str,
    errors: dict[str, str] | None = None,
    status: int | None = None,
) -> Response:
    try:
        facts = case_facts.facts_of(case_id, services().clock.now())
    except UnknownCase:
        abort(404)
    own = facts.row.account_id == who.person.account_id
    context = contexts.Case(
        me=me_of(who.person),
        notice=done(),
        errors=errors or {},
        row=_row(facts.row, who),
        what=facts.reason,
        contact=facts.contact,
        ip=facts.ip,
        network_known=facts.network_known,
        member_since=facts.member_since,
        admin_since=facts.admin_since,
        other_admins=facts.other_admins,
        members=facts.members,
        account_created_at=facts.account_created_at,
        password_changed_at=facts.password_changed_at,
        phone_number=facts.phone_number,
        sign_ins=facts.sign_ins,
        signed_in_since=facts.signed_in_since,
        approvals=facts.approvals,
        earlier=tuple(_row(row, who) for row in facts.earlier),
        deciders=facts.deciders,
        needed=APPROVALS,
        own=own,
        closed_by=facts.closed_by,
        closing_reason=facts.closing_reason,
        note=text if action == "approve" else "",
        reason=text if action == "refuse" else "",
        failed=action,
    )
    return page(context, status=status, person=who.person)


def _row(row: case_facts.CaseRow, who: SignedIn) -> contexts.CaseRow:
    return contexts.CaseRow(
        id=row.id,
        name=row.name,
        email=row.email,
        tenant_name=row.tenant_name,
        customer_number=row.customer_number,
        created_at=row.created_at,
        expires_at=row.expires_at,
        status=row.status,
        approvals=len(row.approved_by),
        mine=who.person.account_id in row.approved_by,
        closed_at=row.closed_at,
    )
