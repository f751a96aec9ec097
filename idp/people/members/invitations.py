"""Invitations into a company: mailed, expiring, resendable, revocable, accepted exactly once (T2).

The mail is written in the transaction that stores the invitation; only the token's digest is kept.
Those that were prepared by an import (``import_id``) are mailed by ``people.activation.arrivals``,
once their company has activated central accounts; they are accepted here like any other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from idp.accounts.claims import check_claims
from idp.accounts.email_address import normalise_email
from idp.accounts.models import Account
from idp.accounts.service import AccountService
from idp.core.clock import Clock
from idp.core.randomness import Randomness, digest
from idp.infra.audit import Audit
from idp.infra.database import db, transaction
from idp.infra.outbox import Outbox
from idp.infra.throttle import Limit, Throttle
from idp.people.activation.mail import ActivationMail
from idp.people.activation.taking_up import InvalidInvitation, InvitationForOther, TakingUp
from idp.people.actors import Actor, AlreadyInvited, AlreadyMember
from idp.people.members.open_invitations import MAILED
from idp.people.models import Invitation
from idp.settings import Settings
from idp.tenants.catalogue import (
    MANAGE_PEOPLE,
    check_permissions,
    check_products,
    default_permissions,
)
from idp.tenants.memberships import check_role
from idp.tenants.models import Membership, Tenant
from idp.tenants.service import TenantService

__all__ = ["InvalidInvitation", "InvitationForOther", "Invitations", "OpenInvitation"]

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """What the registration page needs; ``has_account``: sign in instead of registering;
    ``prepared``: the company moves its people from a product's own logins.
    """

    id: str
    tenant_id: str
    tenant_name: str
    customer_number: str
    email: str
    given_name: str
    family_name: str
    salutation: str | None
    role: str
    locale: str
    has_account: bool
    prepared: bool = False


class Invitations:
    """Invites, resends, revokes, finds and accepts."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        outbox: Outbox,
        audit: Audit,
        throttle: Throttle,
        accounts: AccountService,
        tenants: TenantService,
    ) -> None:
        self._issuer = settings.issuer
        self._lifetime = settings.lifetimes.invitation
        self._per_address = Limit("invitation-mail", settings.limits.mail_per_address, _HOUR)
        self._clock = clock
        self._randomness = randomness
        self._outbox = outbox
        self._audit = audit
        self._throttle = throttle
        self._accounts = accounts
        self._tenants = tenants
        self._activation_mail = ActivationMail(settings, clock, randomness, outbox)
        self.taking_up = TakingUp(audit, tenants)

    def invite(
        self,
        tenant_id: str,
        actor: Actor,
        email: str,
        given_name: str,
        family_name: str,
        role: str = "employee",
        permissions: Iterable[str] | None = None,
        locale: str = "en",
        *,
        salutation: str | None = None,
        products: Iterable[str] | None = None,
    ) -> Invitation:
        """Mail an invitation; permissions None means what new members get by default, products
        None all that are booked, and of both no more than a helper of the admin has.

        Raises ``NotAllowed``, ``AlreadyMember``, ``AlreadyInvited``, ``InvalidEmail``,
        ``Throttled``.
        """
        address = normalise_email(email)
        names = check_claims(
            {"given_name": given_name, "family_name": family_name, "locale": locale}
        )
        asked = None if permissions is None else check_permissions(permissions)
        wanted_role = check_role(role)
        opened = None if products is None else check_products(products)
        with transaction() as session:
            actor.check_right(tenant_id, MANAGE_PEOPLE)
            if wanted_role == "admin":
                actor.check_may_make_admins(tenant_id)
            if opened is not None:
                actor.check_may_open(tenant_id, (), opened)
            meant = default_permissions() if asked is None else ()
            given = actor.giving(tenant_id, meant, opened, asked)
            tenant = self._tenants.get(tenant_id)
            self._check_new(tenant_id, address)
            self._throttle.attempt(self._per_address, tenant_id, address)
            now = self._clock.now()
            token = self._randomness.token()
            invitation = Invitation(
                id=self._randomness.uuid(),
                tenant_id=tenant_id,
                email=address,
                given_name=names["given_name"] or "",
                family_name=names["family_name"] or "",
                salutation=salutation,
                role=wanted_role,
                permissions=given.permissions,
                products=given.products,
                locale=names["locale"],
                token_digest=digest(token),
                invited_by=actor.name[:64],
                created_at=now,
                sent_at=now,
                expires_at=now + timedelta(seconds=self._lifetime),
            )
            session.add(invitation)
            session.flush()
            self._mail(invitation, tenant, token)
            detail = {} if wanted_role == "admin" else given.as_detail()
            detail["role"] = wanted_role
            self._record("invitation.sent", invitation, actor.subject, detail)
        return invitation

    def resend(self, tenant_id: str, actor: Actor, invitation_id: str) -> Invitation:
        """Mail it again under a new token, for the full time; the old link dies.

        One that has expired is given anew: of a helper's hand no more than they hold. One that is
        still good stands as whoever sent it decided.
        """
        with transaction():
            invitation = self._get_for(tenant_id, actor, invitation_id)
            self._throttle.attempt(self._per_address, tenant_id, invitation.email)
            detail: dict[str, Any] = {}
            if invitation.expires_at <= self._clock.now():
                given = actor.giving(tenant_id, invitation.permissions, invitation.products)
                invitation.permissions, invitation.products = given.permissions, given.products
                detail = given.as_detail()
            tenant = self._tenants.get(tenant_id)
            if invitation.import_id is not None:
                if tenant.accounts_mode == "local":
                    raise InvalidInvitation
                has_account = self._accounts.find_by_email(invitation.email) is not None
                self._activation_mail.send(invitation, tenant, "existing" if has_account else "new")
                invitation.sent_at = invitation.sent_at or self._clock.now()
            else:
                token = self._randomness.token()
                invitation.token_digest = digest(token)
                invitation.expires_at = self._clock.now() + timedelta(seconds=self._lifetime)
                self._mail(invitation, tenant, token)
            self._record("invitation.resent", invitation, actor.subject, detail)
        return invitation

    def revoke(self, tenant_id: str, actor: Actor, invitation_id: str) -> None:
        """The link dies."""
        with transaction():
            invitation = self._get_for(tenant_id, actor, invitation_id)
            invitation.revoked_at = self._clock.now()
            invitation.password_hash = None
            self._record("invitation.revoked", invitation, actor.subject)

    def list(self, tenant_id: str, limit: int = 200) -> Sequence[Invitation]:
        """Those mailed and not yet accepted or revoked, the newest first; expired ones can be
        resent.
        """
        query = (
            select(Invitation)
            .where(
                Invitation.tenant_id == tenant_id,
                MAILED,
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
            )
            .order_by(Invitation.created_at.desc(), Invitation.id.desc())
            .limit(limit)
        )
        return db.session.scalars(query).all()

    def find(self, token: str) -> OpenInvitation | None:
        """The invitation of a link, if it still is one."""
        row = db.session.execute(
            select(Invitation, Tenant)
            .join(Tenant, Tenant.id == Invitation.tenant_id)
            .where(
                Invitation.token_digest == digest(token),
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
                Invitation.expires_at > self._clock.now(),
            )
        ).first()
        if row is None:
            return None
        invitation, tenant = row
        return OpenInvitation(
            id=invitation.id,
            tenant_id=tenant.id,
            tenant_name=tenant.name,
            customer_number=tenant.customer_number,
            email=invitation.email,
            given_name=invitation.given_name,
            family_name=invitation.family_name,
            salutation=invitation.salutation,
            role=invitation.role,
            locale=invitation.locale,
            has_account=self._accounts.find_by_email(invitation.email) is not None,
            prepared=invitation.import_id is not None,
        )

    def accept(self, token: str, account_id: str) -> Membership:
        """Make the invited account a member; of many tries with one link one succeeds.

        Raises ``InvalidInvitation``, ``InvitationForOther``.
        """
        with transaction() as session:
            account = self._accounts.get(account_id)
            now = self._clock.now()
            invitation = session.scalar(
                update(Invitation)
                .where(
                    Invitation.token_digest == digest(token),
                    Invitation.accepted_at.is_(None),
                    Invitation.revoked_at.is_(None),
                    Invitation.expires_at > now,
                )
                .values(accepted_at=now)
                .returning(Invitation),
                execution_options={"synchronize_session": False},
            )
            if invitation is None:
                raise InvalidInvitation
            if invitation.email != account.email:
                raise InvitationForOther
            return self.taking_up.take_up(invitation, account)

    def _check_new(self, tenant_id: str, address: str) -> None:
        member = (
            select(Membership.id)
            .join(Account, Account.id == Membership.account_id)
            .where(
                Account.email == address,
                Membership.tenant_id == tenant_id,
                Membership.status != "removed",
            )
        )
        if db.session.scalar(member) is not None:
            raise AlreadyMember
        open_one = select(Invitation.id).where(
            Invitation.tenant_id == tenant_id,
            Invitation.email == address,
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > self._clock.now(),
        )
        if db.session.scalar(open_one.limit(1)) is not None:
            raise AlreadyInvited

    def _get_for(self, tenant_id: str, actor: Actor, invitation_id: str) -> Invitation:
        """The open invitation, to somebody who may change it."""
        actor.check_right(tenant_id, MANAGE_PEOPLE)
        found = db.session.scalar(
            select(Invitation).where(
                Invitation.id == invitation_id,
                Invitation.tenant_id == tenant_id,
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
            )
        )
        if found is None:
            raise InvalidInvitation
        if found.role == "admin":
            actor.check_may_make_admins(tenant_id)
        return found

    def _mail(self, invitation: Invitation, tenant: Tenant, token: str) -> None:
        context = {
            "tenant_name": tenant.name,
            "inviter": invitation.invited_by or tenant.name,
            "link": f"{self._issuer}/invitation/{token}",
            "days": max(1, self._lifetime // 86400),
        }
        self._outbox.mail(invitation.email, "invitation", invitation.locale, context)

    def _record(
        self, event: str, invitation: Invitation, actor: str, detail: dict[str, Any] | None = None
    ) -> None:
        self._audit.record(
            event,
            category="people",
            tenant_id=invitation.tenant_id,
            actor=actor,
            detail={"invitation": invitation.id, "email": invitation.email, **(detail or {})},
        )
