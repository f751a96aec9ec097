"""Filled contexts of requests to become an admin, and of who was told of a lock."""

from dataclasses import replace
from datetime import timedelta

from idp.people.admin_requests.rows import RequestRow
from idp.people.members.told import ToldRow
from idp.web import contexts as pages
from tests.web.account_samples import ME as PERSON
from tests.web.case_samples import ME as OPERATOR
from tests.web.login_samples import NOW

ROW = RequestRow(
    id="e" * 32,
    tenant_id="1" * 32,
    tenant_name="Süd Handels- und Verwaltungsgesellschaft AG",
    customer_number="087654321",
    account_id="2" * 32,
    membership_id="3" * 32,
    name="Mara Maximiliane von der Wiesenhöhe",
    email="mara.maximiliane.von-der-wiesenhoehe@a-rather-long-domain.example",
    member_since=NOW - timedelta(days=400),
    membership_status="active",
    reason="I take over the personnel office from 1 May, and Anna leaves the company then.",
    status="open",
    created_at=NOW - timedelta(hours=3),
    expires_at=NOW + timedelta(days=30, hours=-3),
    closed_at=None,
    closing_reason="",
    consented_by="",
    consented_at=None,
    consenter=None,
    approved_by="",
    approved_at=None,
    approver=None,
    approval_note="",
    admins=2,
    members=1240,
)
CONSENTED = replace(ROW, id="f" * 32, consented_by="Anna Admin", consenter="a" * 32)
APPROVED = replace(
    ROW,
    id="d" * 32,
    approved_by="Olga Operator",
    approver="b" * 32,
    approval_note="Called the switchboard from the contract.",
)
ALONE = replace(ROW, admins=0)
REFUSED = replace(
    ROW, status="refused", closed_at=NOW, closing_reason="Please speak to Anna first."
)
TOLD = (
    ToldRow("accounting", "Accounting", "told", NOW, 0.4, 1),
    ToldRow("archive", "Archive", "told", NOW, 200.0, 4),
    ToldRow("hr", "HR", "failed", NOW, attempts=1, error="answered", status="404"),
    ToldRow("calendar", "Calendar", "failed", NOW, attempts=10, error="unreachable"),
    ToldRow("desk", "Desk", "failed", NOW, attempts=0, error="dropped"),
    ToldRow("mail", "Mail", "failed", NOW, attempts=1, error="refused"),
    ToldRow("notes", "Notes", "failed", NOW, attempts=1, error="other"),
    ToldRow("payroll", "Payroll", "waiting", NOW, next_try=NOW + timedelta(minutes=2)),
    ToldRow("scan", "Scan", "no-session", NOW),
    ToldRow("shop", "Shop", "not-registered", NOW),
)


def request_samples(frame: pages.AdminFrame) -> dict[str, pages.Page]:
    """Every page, with each way a request can stand."""
    asking = pages.AccountAdminRequest(me=PERSON, tenant_name="Nord GmbH")
    admins = pages.AdminRequests(frame=frame, rows=(ROW, CONSENTED, APPROVED))
    operators = pages.OperatorRequest(me=OPERATOR, row=ROW)
    told = pages.Told(frame=frame, person_id="3" * 32, person_name="Mara Wiesenhöhe")
    return {
        "admin-request-ask": replace(asking, admins=1),
        "admin-request-ask-alone": replace(asking, errors={"reason": "too-long"}, reason="x"),
        "admin-request-open": replace(asking, row=CONSENTED, notice="admin-request-sent"),
        "admin-request-approved": replace(asking, row=APPROVED),
        "admin-request-refused": replace(asking, row=REFUSED),
        "admin-request-expired": replace(asking, row=replace(ROW, status="expired")),
        "admin-requests": admins,
        "admin-requests-none": replace(admins, rows=()),
        "admin-requests-error": replace(
            admins,
            errors={"reason": "admin-request-reason-required"},
            failed=ROW.id,
        ),
        "told": replace(told, told=TOLD, notice="told-again"),
        "told-nobody": told,
        "operator-requests": pages.OperatorRequests(
            me=OPERATOR,
            rows=(ROW, CONSENTED, APPROVED, ALONE),
            closed=(
                REFUSED,
                replace(ROW, status="granted", closed_at=NOW),
                replace(ROW, status="withdrawn", closed_at=NOW),
                replace(ROW, status="expired", closed_at=NOW),
            ),
        ),
        "operator-requests-none": pages.OperatorRequests(me=OPERATOR),
        "operator-request": operators,
        "operator-request-alone": replace(operators, row=ALONE),
        "operator-request-approved": replace(operators, row=APPROVED),
        "operator-request-consented": replace(operators, row=CONSENTED, consented_self=True),
        "operator-request-own": replace(operators, own=True),
        "operator-request-refused": replace(operators, row=REFUSED),
        "operator-request-inactive": replace(
            operators,
            row=replace(ROW, membership_status="locked"),
            errors={"": "admin-request-not-active"},
        ),
        "operator-request-error": replace(
            operators, errors={"reason": "admin-request-reason-required"}, failed="refuse"
        ),
    }
