"""Invitations into a company."""

from typing import Annotated, Literal

from msgspec import Meta

from idp.core.vocabulary import ManagementScope
from idp.people.members import open_invitations
from idp.people.models import Invitation as Row
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.web.api.reading import bad_cursor, decode_cursor, encode_cursor
from idp.web.api.resources.fields import (
    STRICT,
    After,
    Email,
    Keys,
    Limit,
    Locale,
    Moment,
    Name,
    Role,
    Search,
    Wire,
    check_booked,
)
from idp.web.api.table import BASE, Call, Reply, operation
from idp.web.http import services

READ, WRITE = ManagementScope.PEOPLE_READ, ManagementScope.PEOPLE_WRITE
_HERE = "/companies/{number}/invitations"
_ONE = f"{_HERE}/{{invitation_id}}"


class NewInvitation(Wire, **STRICT):
    """Whom to invite. Without `permissions` they get those that every new member has, without
    `products` all that the company books; of both no more than a person who is no admin holds
    themselves. The answer says what was given.
    """

    email: Email
    given_name: Name
    family_name: Name
    role: Role = "employee"
    permissions: Keys | None = None
    products: Keys | None = None
    locale: Locale = "en"
    salutation: Annotated[str, Meta(max_length=32, pattern=r"^[^\x00-\x1f\x7f]*$")] | None = None


class Invitation(Wire):
    """An invitation that was mailed and not yet accepted."""

    id: str
    email: str
    given_name: str
    family_name: str
    role: str
    permissions: list[str]
    products: list[str] | None
    locale: str
    invited_by: str | None
    sent_at: Moment | None
    expires_at: Moment
    expired: bool


class InvitationsQuery(Wire, **STRICT):
    """Which open invitations to list. `unsent`: prepared by an import, not mailed yet."""

    state: Literal["sent", "valid", "expired", "unsent"] = "sent"
    search: Search = ""
    after: After | None = None
    limit: Limit = 50


class Invitations(Wire):
    """A page of open invitations, the newest first."""

    items: list[Invitation]
    next: str | None


def _described(row: Row) -> Invitation:
    return Invitation(
        id=row.id,
        email=row.email,
        given_name=row.given_name,
        family_name=row.family_name,
        role=row.role,
        permissions=list(row.permissions),
        products=None if row.products is None else list(row.products),
        locale=row.locale,
        invited_by=row.invited_by,
        sent_at=row.sent_at,
        expires_at=row.expires_at,
        expired=row.expires_at <= services().clock.now(),
    )


@operation("GET", _HERE, scope=READ, right=MANAGE_PEOPLE)
def list_invitations(call: Call, query: InvitationsQuery) -> Invitations:
    """List open invitations; expired ones can be sent again."""
    after = None
    if (parts := decode_cursor(query.after)) is not None:
        if len(parts) != 2 or not isinstance(parts[0], Moment) or not isinstance(parts[1], str):
            raise bad_cursor()
        after = (parts[0], parts[1])
    page = open_invitations.list_invitations(
        call.at.tenant_id,
        services().clock.now(),
        query.state,
        search=query.search,
        after=after,
        limit=query.limit,
    )
    following = encode_cursor(page.next) if page.next else None
    return Invitations([_described(row) for row in page.rows], following)


@operation(
    "POST",
    _HERE,
    scope=WRITE,
    right=MANAGE_PEOPLE,
    fresh=True,
    status=201,
    conflict="The person belongs to the company already, or is invited already.",
)
def invite(call: Call, body: NewInvitation) -> Reply[Invitation]:
    """Invite a person by mail."""
    row = services().people.invitations.invite(
        call.at.tenant_id,
        call.access.actor,
        body.email,
        body.given_name,
        body.family_name,
        body.role,
        body.permissions,
        body.locale,
        salutation=body.salutation,
        products=check_booked(call.at, body.products),
    )
    where = f"{services().settings.issuer}{BASE}/companies/{call.at.customer_number}/invitations"
    return Reply(_described(row), {"Location": f"{where}/{row.id}"})


@operation("POST", f"{_ONE}/resend", scope=WRITE, right=MANAGE_PEOPLE, conflict="Not for you.")
def resend_invitation(call: Call, invitation_id: str) -> Invitation:
    """Mail an invitation again, for the full time; the old link dies."""
    return _described(
        services().people.invitations.resend(call.at.tenant_id, call.access.actor, invitation_id)
    )


@operation("DELETE", _ONE, scope=WRITE, right=MANAGE_PEOPLE)
def revoke_invitation(call: Call, invitation_id: str) -> None:
    """Revoke an invitation; its link dies. Once more answers 404."""
    services().people.invitations.revoke(call.at.tenant_id, call.access.actor, invitation_id)
