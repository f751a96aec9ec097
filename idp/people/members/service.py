"""People of a company: what touches account, membership, factors, sessions and grants together.

Company admins act within their own company: every method takes the tenant and the actor, and checks
the right inside its transaction. What must end elsewhere (sessions, refresh tokens) hangs on hooks
that the wiring fills; they run inside the same transaction.
"""

from collections.abc import Callable, Iterable

from sqlalchemy import select

from idp.accounts.models import Account
from idp.accounts.service import AccountService
from idp.authn.factors.forgetting import forget_factors
from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.infra.audit import Audit
from idp.infra.database import after_commit, db, transaction
from idp.infra.outbox import Outbox
from idp.infra.throttle import Throttle
from idp.people.actors import (
    Actor,
    AlreadyInvited,
    AlreadyMember,
    BoundElsewhere,
    NotAllowed,
    NotYourself,
    Refused,
)
from idp.people.members.invitations import (
    InvalidInvitation,
    InvitationForOther,
    Invitations,
)
from idp.people.members.letting_in import give_on_return
from idp.people.members.listing import (
    BY_NAME,
    EVERYBODY,
    Cursor,
    MemberRow,
    Order,
    PeopleFilter,
    PeoplePage,
    count_people,
    find_member,
    list_people,
    list_waiting,
)
from idp.people.members.open_invitations import close_invitations
from idp.people.snapshot import PersonDirectory
from idp.settings import Settings
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.tenants.errors import UnknownMembership
from idp.tenants.models import Membership, Tenant
from idp.tenants.policy import is_bound, policy_of
from idp.tenants.service import TenantService

__all__ = [
    "Actor",
    "AlreadyInvited",
    "AlreadyMember",
    "BoundElsewhere",
    "InvalidInvitation",
    "InvitationForOther",
    "NotAllowed",
    "NotYourself",
    "PeopleService",
    "Refused",
]


class PeopleService:
    """Invites, lists, changes, locks and removes the members of companies."""

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
        persons: PersonDirectory,
    ) -> None:
        self._issuer = settings.issuer
        self._outbox = outbox
        self._audit = audit
        self._clock = clock
        self._accounts = accounts
        self._tenants = tenants
        self._persons = persons
        self._members = tenants.memberships
        self.invitations = Invitations(
            settings, clock, randomness, outbox, audit, throttle, accounts, tenants
        )
        """Into companies: sent, resent, revoked, accepted."""
        self.on_membership_ended: list[Callable[[str, str, str], object]] = []
        """Called with account id, subject and tenant id: sessions and tokens for it must end."""
        self.on_made_admin: list[Callable[[str, str, str], object]] = []
        """Called with account id, tenant id and the actor's subject."""
        self.on_factors_reset: list[Callable[[str, str], object]] = []
        """Called with account id and subject: every session of the account must end."""
        # What the layers below cannot see themselves.
        accounts.on_changed.append(persons.forget)
        tenants.memberships.on_changed.append(persons.forget_accounts)
        tenants.memberships.subject_of = _subject_of
        tenants.memberships.may_sign_in = _may_sign_in

    # The list

    def list_people(
        self,
        tenant_id: str,
        *,
        search: str = "",
        chosen: PeopleFilter = EVERYBODY,
        order: Order = BY_NAME,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> PeoplePage:
        """A page of the company's members (see ``listing``)."""
        policy = self._tenants.policy(tenant_id)
        return list_people(
            tenant_id, policy, search=search, chosen=chosen, order=order, after=after, limit=limit
        )

    def list_waiting(self, tenant_id: str) -> tuple[MemberRow, ...]:
        """Whom an admin has yet to let in (see ``listing``)."""
        return list_waiting(tenant_id, self._tenants.policy(tenant_id))

    def count_people(
        self, tenant_id: str, search: str = "", chosen: PeopleFilter = EVERYBODY
    ) -> int:
        """How many members the list has."""
        return count_people(tenant_id, self._tenants.policy(tenant_id), search, chosen)

    def get_member(self, tenant_id: str, membership_id: str) -> MemberRow:
        """One member of that company; raises ``UnknownMembership``."""
        row = find_member(tenant_id, membership_id, self._tenants.policy(tenant_id))
        if row is None:
            raise UnknownMembership
        return row

    # Changing a member

    def set_role(self, tenant_id: str, actor: Actor, membership_id: str, role: str) -> Membership:
        """Make a member an admin or an employee; never leaves the company without an admin."""
        with transaction():
            actor.check_admin(tenant_id)
            member = self._members.set_role(tenant_id, membership_id, role, actor=actor.subject)
            if role == "admin":
                for hook in self.on_made_admin:
                    hook(member.account_id, tenant_id, actor.subject)
        return member

    def set_permissions(
        self, tenant_id: str, actor: Actor, membership_id: str, permissions: Iterable[str]
    ) -> Membership:
        """Replace what a member may do; what a helper of the admin does not hold stays as it is."""
        wanted = set(permissions)
        with transaction():
            actor.check_right(tenant_id, MANAGE_PEOPLE)
            member = self._members.get(tenant_id, membership_id)
            actor.check_may_change(tenant_id, member)
            self._check_not_own_rights(actor, member)
            actor.check_may_grant(tenant_id, wanted ^ set(member.permissions))
            return self._members.set_permissions(
                tenant_id, membership_id, wanted, actor=actor.subject
            )

    def set_products(
        self, tenant_id: str, actor: Actor, membership_id: str, products: Iterable[str] | None
    ) -> Membership:
        """Which products are open to a member; None: all that are booked, now and later.

        A helper of the admin opens and closes only what is open to themselves.
        """
        wanted = None if products is None else set(products)
        with transaction():
            actor.check_right(tenant_id, MANAGE_PEOPLE)
            member = self._members.get(tenant_id, membership_id)
            actor.check_may_change(tenant_id, member)
            self._check_not_own_rights(actor, member)
            actor.check_may_open(tenant_id, member.products, wanted)
            return self._members.set_products(tenant_id, membership_id, wanted, actor=actor.subject)

    def lock_member(
        self, tenant_id: str, actor: Actor, membership_id: str, reason: str = ""
    ) -> Membership:
        """The person cannot use this company any more; at once sessions and tokens for it end."""
        return self._end(tenant_id, actor, membership_id, "locked", "member.locked", reason)

    def remove_member(
        self, tenant_id: str, actor: Actor, membership_id: str, reason: str = ""
    ) -> Membership:
        """The person leaves the company; account and other memberships stay."""
        return self._end(tenant_id, actor, membership_id, "removed", "member.removed", reason)

    def unlock_member(
        self, tenant_id: str, actor: Actor, membership_id: str, reason: str = ""
    ) -> Membership:
        """A locked or waiting member may sign in for this company again."""
        with transaction():
            actor.check_right(tenant_id, MANAGE_PEOPLE)
            member = self._members.get(tenant_id, membership_id)
            actor.check_may_change(tenant_id, member)
            given = give_on_return(self._members, actor, member)
            return self._members.set_status(
                tenant_id,
                membership_id,
                "active",
                event="member.unlocked",
                actor=actor.subject,
                reason=reason,
                detail=given,
            )

    def reset_factors(
        self, tenant_id: str, actor: Actor, membership_id: str, reason: str = ""
    ) -> None:
        """Forget a member's second factor (a lost phone); the next sign-in enrols again (M9).

        Refused where another company's policy relies on it, or the platform does: one company's
        admin must not weaken another's protection.
        """
        with transaction():
            actor.check_right(tenant_id, MANAGE_PEOPLE)
            membership = self._members.get(tenant_id, membership_id)
            actor.check_may_change(tenant_id, membership)
            self._check_not_self(actor, membership)
            if not actor.is_operator and not self.may_company_reset(membership):
                raise BoundElsewhere
            account = self._accounts.get(membership.account_id)
            self._reset(account, actor, tenant_id, reason, "factors-reset")

    def may_company_reset(self, membership: Membership) -> bool:
        """Whether the company's admins may reset this member's factors, or only operators."""
        account = self._accounts.get(membership.account_id)
        return not account.is_operator and not self._is_relied_on_elsewhere(account, membership)

    # Accounts, by operators

    def reset_account_factors(
        self,
        account_id: str,
        actor: Actor,
        reason: str = "",
        *,
        tenant_id: str | None = None,
        forced: bool = False,
        mail: str = "factors-reset",
    ) -> None:
        """The same for an account, whatever its companies; ``tenant_id``: whose log it goes to.

        ``forced``: a new factor is asked for from now on, whatever grace period still runs.
        """
        with transaction():
            account = self._accounts.get(account_id)
            account.self_mfa = account.self_mfa or forced
            self._reset(account, actor, tenant_id, reason, mail)

    def lock_account(self, account_id: str, actor: Actor, reason: str = "") -> None:
        """Lock all of it: no company, session or token; a stolen last admin's, too."""
        self._accounts.lock(account_id, actor=actor.subject, reason=reason)

    def unlock_account(self, account_id: str, actor: Actor) -> None:
        """The account may sign in again."""
        self._accounts.unlock(account_id, actor=actor.subject)

    def _end(
        self, tenant_id: str, actor: Actor, membership_id: str, status: str, event: str, reason: str
    ) -> Membership:
        with transaction():
            actor.check_right(tenant_id, MANAGE_PEOPLE)
            member = self._members.get(tenant_id, membership_id)
            actor.check_may_change(tenant_id, member)
            self._check_not_self(actor, member)
            waiting = member.status == "waiting"
            membership = self._members.set_status(
                tenant_id, membership_id, status, event=event, actor=actor.subject, reason=reason
            )
            account = self._accounts.get(membership.account_id)
            close_invitations(tenant_id, account.email, self._clock.now())
            # Nothing of the company was ever open to somebody who waits.
            for hook in () if waiting else self.on_membership_ended:
                hook(membership.account_id, account.subject, tenant_id)
        return membership

    def _reset(
        self, account: Account, actor: Actor, tenant_id: str | None, reason: str, mail: str
    ) -> None:
        account_id, subject = account.id, account.subject
        gone = forget_factors(account_id)
        account.sessions_not_before = self._clock.now()
        self._audit.record(
            "mfa.reset",
            category="people",
            tenant_id=tenant_id,
            actor=actor.subject,
            subject=subject,
            detail={"reason": reason[:200], "gone": gone},
        )
        for hook in self.on_factors_reset:
            hook(account_id, subject)
        context = {
            "given_name": account.given_name or "",
            "tenant_name": self._tenants.get(tenant_id).name if tenant_id else "",
            "link": f"{self._issuer}/account",
        }
        self._outbox.mail(account.email, mail, account.locale, context)
        self._persons.forget(subject)
        after_commit(lambda: self._persons.forget(subject))

    @staticmethod
    def _check_not_own_rights(actor: Actor, membership: Membership) -> None:
        """A helper's own are not theirs to change; an admin's stored ones matter to nobody."""
        if actor.account_id == membership.account_id and membership.role != "admin":
            raise NotYourself

    @staticmethod
    def _check_not_self(actor: Actor, membership: Membership) -> None:
        if actor.account_id == membership.account_id:
            raise NotYourself

    @staticmethod
    def _is_relied_on_elsewhere(account: Account, membership: Membership) -> bool:
        """Whether another company's policy, or the person's own wish there, counts on it."""
        query = (
            select(Membership, Tenant)
            .join(Tenant, Tenant.id == Membership.tenant_id)
            .where(
                Membership.account_id == membership.account_id,
                Membership.tenant_id != membership.tenant_id,
                Membership.status != "removed",
            )
        )
        return any(
            account.self_mfa or is_bound(policy_of(tenant), other.role, other.mfa_selected)
            for other, tenant in db.session.execute(query)
        )


def _subject_of(account_id: str) -> str | None:
    return db.session.scalar(select(Account.subject).where(Account.id == account_id))


def _may_sign_in(account_id: str) -> bool:
    return db.session.scalar(select(Account.status).where(Account.id == account_id)) == "active"
