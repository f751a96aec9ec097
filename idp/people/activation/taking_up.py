"""What an invitation gives to the account that takes it up: membership, role, rights, products."""

from sqlalchemy import select

from idp.accounts.models import Account
from idp.authn.ports import InvitationRefused
from idp.infra.audit import Audit
from idp.infra.database import db
from idp.people.actors import Refused
from idp.people.models import Invitation
from idp.tenants.memberships import check_role
from idp.tenants.models import Membership, Tenant
from idp.tenants.service import TenantService


class InvalidInvitation(Refused, InvitationRefused):
    """The link was used, revoked, is too old, or was never ours."""

    code = "invitation-invalid"
    text = "this invitation is no longer valid"


class InvitationForOther(Refused, InvitationRefused):
    """The invitation went to another address than the account has."""

    code = "invitation-for-other"
    text = "this invitation is for another e-mail address"


class TakingUp:
    """Carries them out."""

    def __init__(self, audit: Audit, tenants: TenantService) -> None:
        self._audit = audit
        self._members = tenants.memberships

    def take_up(
        self, invitation: Invitation, account: Account, arrival: str | None = None
    ) -> Membership:
        """Carry out an invitation that was just marked as accepted, in that unit of work.

        ``arrival`` is how the person came; None: by whether the account is older than the line.

        Whoever is a member stays what they are. A line that was prepared lets nobody back in whom
        the company has removed (``InvalidInvitation``) or locked, but does let in who waits.
        """
        # Changes of who is a member wait in the same line (people.joining).
        line = select(Tenant.id).where(Tenant.id == invitation.tenant_id).with_for_update()
        db.session.execute(line)
        since = "linked" if account.created_at < invitation.created_at else "registered"
        invitation.account_id, invitation.arrival = account.id, arrival or since
        invitation.password_hash = invitation.notice = None
        prepared = invitation.import_id is not None
        members = self._members
        membership = members.find(invitation.tenant_id, account.id)
        if prepared and membership is not None and membership.status == "removed":
            raise InvalidInvitation
        where = invitation.tenant_id
        if membership is None or membership.status == "removed":
            membership = members.add(
                where,
                account.id,
                role=check_role(invitation.role),
                permissions=invitation.permissions,
                actor=account.subject,
            )
        elif prepared and membership.status == "waiting":
            membership = members.set_status(
                where, membership.id, "active", event="member.activated", actor=account.subject
            )
            members.set_permissions(
                where, membership.id, invitation.permissions, actor=account.subject
            )
        else:
            invitation.products = None
        if invitation.products is not None:
            members.set_products(where, membership.id, invitation.products, actor=account.subject)
        self._audit.record(
            "invitation.accepted",
            category="people",
            tenant_id=invitation.tenant_id,
            actor=account.subject,
            detail={"invitation": invitation.id, "email": invitation.email},
        )
        return membership
