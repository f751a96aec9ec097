"""Requests to become an admin: a company's admins consent, operators approve."""

from collections.abc import Sequence

from idp.core.vocabulary import ManagementScope
from idp.people.admin_requests.rows import RequestRow
from idp.web.api.resources.fields import STRICT, Moment, Said, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services

READ, WRITE = ManagementScope.PEOPLE_READ, ManagementScope.PEOPLE_WRITE
OPERATOR = ManagementScope.OPERATOR
_HERE = "/companies/{number}/admin-requests"
_ONE = f"{_HERE}/{{request_id}}"
_ANY = "/admin-requests/{request_id}"
_DECIDED = "It is decided already, is one's own, or the same person would give both words."


class AdminRequest(Wire):
    """A member's wish to become an admin. It takes an operator's approval and, where the company
    has an admin, the consent of one.
    """

    id: str
    company: str
    person_id: str
    name: str
    email: str
    reason: str
    status: str
    created_at: Moment
    expires_at: Moment
    closed_at: Moment | None
    consented_by: str
    consented_at: Moment | None
    approved_by: str
    approved_at: Moment | None
    closing_reason: str


class AdminRequests(Wire):
    """Those that wait, the longest waiting first."""

    items: list[AdminRequest]


class Refusal(Wire, **STRICT):
    """Why not; the person is mailed this."""

    reason: Said


class Approval(Wire, **STRICT):
    """How it was made sure of, for the change log."""

    note: Said


@operation("GET", _HERE, scope=READ)
def list_admin_requests(call: Call) -> AdminRequests:
    """List the company's open requests to become an admin."""
    return _listed(services().admin_requests.list_open(call.at.tenant_id))


@operation("POST", f"{_ONE}/consent", scope=WRITE, fresh=True, conflict=_DECIDED)
def consent_admin_request(call: Call, request_id: str) -> AdminRequest:
    """Consent to a request, as an admin of the company.

    Only a person can: with a token of a client or of the command line there is nothing here.
    """
    return _described(
        services().admin_requests.consent(call.at.tenant_id, call.access.actor, request_id)
    )


@operation("POST", f"{_ONE}/refuse", scope=WRITE, fresh=True, conflict=_DECIDED)
def refuse_admin_request(call: Call, request_id: str, body: Refusal) -> AdminRequest:
    """Refuse a request, as an admin of the company; only a person can."""
    return _described(
        services().admin_requests.refuse(
            request_id, call.access.actor, body.reason, tenant_id=call.at.tenant_id
        )
    )


@operation("GET", "/admin-requests", scope=OPERATOR)
def list_all_admin_requests(call: Call) -> AdminRequests:
    """List the open requests of every company."""
    return _listed(services().admin_requests.list_queue())


@operation("POST", f"{_ANY}/approve", scope=OPERATOR, fresh=True, conflict=_DECIDED)
def approve_admin_request(call: Call, request_id: str, body: Approval) -> AdminRequest:
    """Approve a request, as an operator."""
    return _described(services().admin_requests.approve(request_id, call.access.actor, body.note))


@operation("POST", f"{_ANY}/refuse", scope=OPERATOR, fresh=True, conflict=_DECIDED)
def refuse_any_admin_request(call: Call, request_id: str, body: Refusal) -> AdminRequest:
    """Refuse a request, as an operator."""
    return _described(services().admin_requests.refuse(request_id, call.access.actor, body.reason))


def _listed(rows: Sequence[RequestRow]) -> AdminRequests:
    return AdminRequests([_described(row) for row in rows])


def _described(row: RequestRow) -> AdminRequest:
    return AdminRequest(
        id=row.id,
        company=row.customer_number,
        person_id=row.membership_id,
        name=row.name,
        email=row.email,
        reason=row.reason,
        status=row.status,
        created_at=row.created_at,
        expires_at=row.expires_at,
        closed_at=row.closed_at,
        consented_by=row.consented_by,
        consented_at=row.consented_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        closing_reason=row.closing_reason,
    )
