"""Recovery cases: people whom no admin can help are let in again by two operators in person.

A token of a client or of the command line reads them and decides nothing: see
``people.recovery.cases``.
"""

from typing import Literal

from idp.core.vocabulary import ManagementScope
from idp.people.recovery import case_facts
from idp.people.recovery.cases import APPROVALS
from idp.web.api.resources.fields import STRICT, Moment, Said, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services

OPERATOR = ManagementScope.OPERATOR
_ONE = "/recovery-cases/{case_id}"
_DECIDED = "It is decided already, is one's own, or was approved by the same operator before."


class CasesQuery(Wire, **STRICT):
    """Open ones, the longest waiting first, or the last that were closed."""

    state: Literal["open", "closed"] = "open"


class RecoveryCase(Wire):
    """A request to be let in again by somebody whom no admin can help."""

    id: str
    status: str
    company: str
    name: str
    email: str
    approvals: int
    created_at: Moment
    expires_at: Moment
    closed_at: Moment | None


class RecoveryCases(Wire):
    """Some of them."""

    items: list[RecoveryCase]


class RecoverySignIn(Wire):
    """An earlier sign-in of the person."""

    at: Moment
    ip: str
    factors: list[str]


class RecoveryApproval(Wire):
    """An operator's word for the case."""

    name: str
    note: str
    at: Moment


class RecoveryCaseFacts(Wire):
    """A case with what there is to check the asking person by. `needed`: by so many different
    operators it must be approved; `deciders`: so many could.
    """

    case: RecoveryCase
    reason: str
    contact: str
    ip: str
    network_known: bool
    phone_number: str
    member_since: Moment | None
    admin_since: Moment | None
    other_admins: int
    members: int
    account_created_at: Moment
    password_changed_at: Moment | None
    sign_ins: list[RecoverySignIn]
    signed_in_since: Moment | None
    approvals: list[RecoveryApproval]
    needed: int
    deciders: int
    earlier: list[RecoveryCase]
    closed_by: str
    closing_reason: str


class RecoveryApprovalNote(Wire, **STRICT):
    """How the operator made sure of who it is, for the change log."""

    note: Said


class RecoveryRefusal(Wire, **STRICT):
    """Why not; the person is mailed this."""

    reason: Said


@operation("GET", "/recovery-cases", scope=OPERATOR)
def list_recovery_cases(call: Call, query: CasesQuery) -> RecoveryCases:
    """List recovery cases."""
    now = services().clock.now()
    rows = case_facts.list_open(now) if query.state == "open" else case_facts.list_closed(now)
    return RecoveryCases([_case(row) for row in rows])


@operation("GET", _ONE, scope=OPERATOR)
def show_recovery_case(call: Call, case_id: str) -> RecoveryCaseFacts:
    """Show a recovery case with its facts."""
    return _facts(case_id)


@operation("POST", f"{_ONE}/approve", scope=OPERATOR, fresh=True, conflict=_DECIDED)
def approve_recovery_case(
    call: Call, case_id: str, body: RecoveryApprovalNote
) -> RecoveryCaseFacts:
    """Approve a case, as one of the two operators it takes; with the second the old factors die.

    Only a person can: with a token of a client or of the command line there is nothing here.
    """
    services().cases.approve(case_id, call.access.actor, body.note)
    return _facts(case_id)


@operation("POST", f"{_ONE}/refuse", scope=OPERATOR, fresh=True, conflict=_DECIDED)
def refuse_recovery_case(call: Call, case_id: str, body: RecoveryRefusal) -> RecoveryCaseFacts:
    """Refuse a case, as an operator; one no is enough, and only a person can say it."""
    services().cases.refuse(case_id, call.access.actor, body.reason)
    return _facts(case_id)


def _facts(case_id: str) -> RecoveryCaseFacts:
    facts = case_facts.facts_of(case_id, services().clock.now())
    return RecoveryCaseFacts(
        case=_case(facts.row),
        reason=facts.reason,
        contact=facts.contact,
        ip=facts.ip,
        network_known=facts.network_known,
        phone_number=facts.phone_number,
        member_since=facts.member_since,
        admin_since=facts.admin_since,
        other_admins=facts.other_admins,
        members=facts.members,
        account_created_at=facts.account_created_at,
        password_changed_at=facts.password_changed_at,
        sign_ins=[RecoverySignIn(s.at, s.ip, list(s.factors)) for s in facts.sign_ins],
        signed_in_since=facts.signed_in_since,
        approvals=[RecoveryApproval(a.name, a.note, a.at) for a in facts.approvals],
        needed=APPROVALS,
        deciders=facts.deciders,
        earlier=[_case(row) for row in facts.earlier],
        closed_by=facts.closed_by,
        closing_reason=facts.closing_reason,
    )


def _case(row: case_facts.CaseRow) -> RecoveryCase:
    return RecoveryCase(
        id=row.id,
        status=row.status,
        company=row.customer_number,
        name=row.name,
        email=row.email,
        approvals=len(row.approved_by),
        created_at=row.created_at,
        expires_at=row.expires_at,
        closed_at=row.closed_at,
    )
