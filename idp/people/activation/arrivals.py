"""People whom a product has handed over arrive at central accounts (A2, A5).

An import leaves unsent invitations. Once their company has activated central accounts they are
settled here in the background, a portion at a time: who brings a trusted password hash and a
confirmed address gets the account at once and goes on with the old password; everybody else is
mailed a link. Whoever signs in, or registers, without having followed the link is recognised by
the address they have proven. Each line counts once, however many workers, tabs and links there are.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Literal

from sqlalchemy import bindparam, case, func, select

from idp.accounts.claims import check_claims
from idp.accounts.email_address import normalise_email
from idp.accounts.models import Account
from idp.accounts.service import AccountService
from idp.authn.ports import Prepared
from idp.core.clock import Clock
from idp.core.randomness import Randomness, digest
from idp.infra.audit import Audit
from idp.infra.database import UtcDateTime, db, transaction
from idp.infra.outbox import Outbox
from idp.infra.statements import Prepared as Statement
from idp.infra.statements import reading
from idp.people.activation.lines import FIRM, Lines, open_at
from idp.people.activation.mail import ActivationMail
from idp.people.activation.settling import Settling
from idp.people.members.invitations import Invitations
from idp.people.models import Invitation
from idp.settings import Settings
from idp.tenants.activation import accounts_of
from idp.tenants.catalogue import check_permissions, check_products, default_permissions
from idp.tenants.memberships import check_role
from idp.tenants.models import Membership, Tenant
from idp.tenants.service import TenantService

_FOREVER = timedelta(days=365 * 5)
_PREPARING = (
    select(Invitation.tenant_id, func.max(case((FIRM, 1), else_=0)).label("firm"))
    .where(Invitation.email == bindparam("email"), *open_at(bindparam("now", type_=UtcDateTime)))
    .group_by(Invitation.tenant_id)
)
_FIND_PREPARING = Statement(_PREPARING)
_FIND_PREPARING_OTHERS = Statement(
    _PREPARING.where(
        Invitation.tenant_id.not_in(
            select(Membership.tenant_id).where(
                Membership.account_id == bindparam("account_id"), Membership.status != "waiting"
            )
        )
    )
)

Withdrawn = Literal["revoked", "account-removed", "member-kept", "nothing"]


class Arrivals:
    """Settles, recognises and withdraws prepared people."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        outbox: Outbox,
        audit: Audit,
        accounts: AccountService,
        tenants: TenantService,
        invitations: Invitations,
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._accounts = accounts
        self._members = tenants.memberships
        self._lines = Lines(clock, audit, invitations.taking_up)
        mail = ActivationMail(settings, clock, randomness, outbox)
        settling = Settling(clock, accounts, tenants.memberships, mail, self._lines)
        self.settle_some = settling.settle_some
        """A job for the background: people whom nobody has told."""
        self.tell_some = settling.tell_some
        """Another: reminders, and a new cut-off."""

    def prepare(
        self,
        tenant_id: str,
        import_id: str,
        email: str,
        given_name: str = "",
        family_name: str = "",
        *,
        role: str = "employee",
        permissions: Iterable[str] | None = None,
        products: Iterable[str] | None = None,
        locale: str = "de",
        salutation: str | None = None,
        external_id: str | None = None,
        password_hash: str | None = None,
        email_verified: bool = False,
    ) -> Invitation:
        """A line of an import as it waits to be settled; whoever calls was allowed to import.

        ``password_hash`` (as ``foreign_hashes.accept_hash`` gives it) and ``email_verified`` only
        from whom the operators trust.
        """
        names = check_claims(
            {"given_name": given_name, "family_name": family_name, "locale": locale}
        )
        granted = default_permissions() if permissions is None else permissions
        now = self._clock.now()
        invitation = Invitation(
            id=self._randomness.uuid(),
            tenant_id=tenant_id,
            email=normalise_email(email),
            given_name=names["given_name"] or "",
            family_name=names["family_name"] or "",
            salutation=salutation,
            role=check_role(role),
            permissions=check_permissions(granted),
            products=None if products is None else check_products(products),
            locale=names["locale"],
            token_digest=digest(self._randomness.token()),
            import_id=import_id,
            external_id=external_id,
            password_hash=password_hash,
            email_verified=email_verified,
            created_at=now,
            expires_at=now + _FOREVER,
        )
        with transaction() as session:
            session.add(invitation)
        return invitation

    # At the sign-in

    def prepared_for(self, email: str, account_id: str | None = None) -> tuple[Prepared, ...]:
        """The companies that have prepared this address, which has to be proven by now.

        None that the account belongs to already, or was locked in or removed from.
        """
        now = self._clock.now()
        statement = _FIND_PREPARING if account_id is None else _FIND_PREPARING_OTHERS
        asked = {"email": email, "now": now, "account_id": account_id}
        with reading() as connection:
            firm = {row["tenant_id"]: row["firm"] for row in statement.all(connection, asked)}
        if not firm:  # as for nearly everybody who signs in
            return ()
        found = []
        query = select(Tenant).where(Tenant.id.in_(firm)).order_by(Tenant.customer_number)
        for tenant in db.session.scalars(query):
            state = accounts_of(tenant, now)
            one = Prepared(
                tenant.id, tenant.name, state.state, state.cutover_at, bool(firm[tenant.id])
            )
            found.append(one)
        return tuple(found)

    def claim(self, account_id: str, tenant_ids: Iterable[str] | None = None) -> Sequence[str]:
        """Make the account a member where it is prepared, in these companies, which the person has
        said yes to, or in all with central accounts whose operator or product has named the person;
        the ids of those it now belongs to. Its address must be confirmed.
        """
        with transaction() as session:
            account = self._accounts.get(account_id)
            if not account.email_verified or account.status != "active":
                return ()
            now = self._clock.now()
            query = (
                select(Invitation.id)
                .join(Tenant, Tenant.id == Invitation.tenant_id)
                .where(
                    Invitation.email == account.email,
                    Tenant.accounts_mode == "central",
                    *open_at(now),
                )
                .order_by(Invitation.created_at, Invitation.id)
            )
            if tenant_ids is None:
                query = query.where(FIRM)
            else:
                query = query.where(Invitation.tenant_id.in_(list(tenant_ids)))
            joined = []
            for invitation_id in session.scalars(query).all():
                tenant_id = self._lines.take_up(invitation_id, account, None, now)
                if tenant_id is not None:
                    joined.append(tenant_id)
        return joined

    # Undoing an import

    def withdraw(self, invitation: Invitation, *, actor: str | None = None) -> Withdrawn:
        """Take a line back. An account that was made from it and never used goes; an open one is
        revoked; who has arrived by now stays, and is for the admin to remove.
        """
        with transaction() as session:
            session.refresh(invitation, with_for_update=True)
            if invitation.accepted_at is None:
                if invitation.revoked_at is not None:
                    return "nothing"
                self._lines.close(invitation)
                self._lines.record("invitation.revoked", invitation, actor)
                return "revoked"
            if invitation.arrival != "kept" or invitation.account_id is None:
                return "member-kept"
            account = session.get(Account, invitation.account_id, with_for_update=True)
            others = select(func.count()).where(
                Membership.account_id == invitation.account_id,
                Membership.tenant_id != invitation.tenant_id,
            )
            if account is None:
                return "nothing"
            if account.last_sign_in_at is not None or session.scalar(others):
                return "member-kept"
            subject = account.subject
            for hook in self._members.on_changed:
                hook([account.id])
            session.delete(account)
            self._lines.close(invitation)
            self._lines.record("invitation.withdrawn", invitation, actor, subject=subject)
        return "account-removed"
