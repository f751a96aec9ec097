"""A person leaves one company, or deletes the account with everything in it (T5).

Neither may leave a company without its last admin, and an operator is let go by another operator
first. What belongs to the account goes with its row. The change logs keep what happened under an id
that from then on nobody bears: they say "deleted account". The address is free again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select

from idp.accounts.email_address import InvalidEmail, normalise_email
from idp.accounts.models import Account, AppPassword
from idp.accounts.service import AccountService
from idp.core.names import sort_form
from idp.core.person import Person
from idp.infra.audit import Audit
from idp.infra.database import after_commit, db, transaction
from idp.infra.outbox import Outbox
from idp.people.actors import Actor, Refused
from idp.people.members.service import PeopleService
from idp.settings import Settings
from idp.tenants.errors import LastAdmin, UnknownMembership
from idp.tenants.models import Membership, Tenant
from idp.tenants.service import TenantService


class OperatorStays(Refused):
    """An operator's account is not deleted while it is one."""

    code = "operator-stays"
    text = "this is an operator's account; another operator takes that right first"


class EmailMismatch(Refused):
    """What was typed to confirm is not the account's address."""

    code = "confirm-email-mismatch"
    text = "this is not the address of the account"


class LastAdminOf(Refused):
    """Companies would be left without an admin; ``names`` says which."""

    code = "last-admin-of"

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        joined = ", ".join(names)
        Exception.__init__(self, f"the last active admin of {joined}; make somebody else one first")


@dataclass(frozen=True, slots=True)
class Departure:
    """What goes with the account, and what stands in the way."""

    companies: tuple[str, ...]
    last_admin_of: tuple[tuple[str, str], ...]
    """Customer number and name."""
    app_passwords: int
    is_operator: bool

    @property
    def possible(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.is_operator and not self.last_admin_of


class Leaving:
    """Lets people go who want to."""

    def __init__(
        self,
        settings: Settings,
        outbox: Outbox,
        audit: Audit,
        accounts: AccountService,
        tenants: TenantService,
        people: PeopleService,
    ) -> None:
        self._issuer = settings.issuer
        self._outbox = outbox
        self._audit = audit
        self._accounts = accounts
        self._members = tenants.memberships
        self._people = people

    def departure(self, account_id: str) -> Departure:
        """What deleting the account would mean."""
        rows = db.session.execute(
            select(Membership, Tenant)
            .join(Tenant, Tenant.id == Membership.tenant_id)
            .where(Membership.account_id == account_id, Membership.status != "removed")
        ).all()
        rows = sorted(rows, key=lambda row: sort_form(row.Tenant.name))
        passwords = select(func.count()).where(
            AppPassword.account_id == account_id, AppPassword.revoked_at.is_(None)
        )
        return Departure(
            companies=tuple(tenant.name for _, tenant in rows),
            last_admin_of=tuple(
                (tenant.customer_number, tenant.name)
                for membership, tenant in rows
                if self._members.is_last_admin(membership)
            ),
            app_passwords=db.session.scalar(passwords) or 0,
            is_operator=self._accounts.get(account_id).is_operator,
        )

    def is_last_admin(self, person: Person, tenant_id: str) -> bool:
        """Whether the company would have no admin without this person."""
        found = self._members.find(tenant_id, person.account_id)
        return found is not None and self._members.is_last_admin(found)

    def leave(self, person: Person, tenant_id: str) -> None:
        """Leave one company; account and other memberships stay.

        A locked membership is not left: that would undo the lock. Raises ``LastAdmin``,
        ``UnknownMembership``.
        """
        with transaction():
            membership = self._members.find(tenant_id, person.account_id)
            if membership is None or membership.status not in ("active", "waiting"):
                raise UnknownMembership
            self._leave(membership, person.subject, person.subject)

    def delete_own(self, person: Person, typed_email: str, ip: str) -> None:
        """Delete one's own account; raises ``EmailMismatch`` and what ``delete`` raises."""
        try:
            confirmed = normalise_email(typed_email) == person.email
        except InvalidEmail:
            confirmed = False
        if not confirmed:
            raise EmailMismatch
        self._delete(person.account_id, person.subject, ip)

    def delete(self, account_id: str, actor: Actor) -> None:
        """Delete an account from the command line, or as an operator.

        Raises ``OperatorStays``, ``LastAdminOf``, ``NotAllowed``, ``UnknownAccount``.
        """
        actor.check_operator()
        self._delete(account_id, actor.subject, None)

    def _delete(self, account_id: str, actor: str, ip: str | None) -> None:
        with transaction() as session:
            account = self._accounts.get(account_id)
            if account.is_operator:
                raise OperatorStays
            subject, email, locale = account.subject, account.email, account.locale
            stays: list[str] = []
            for membership in self._members.of_account(account_id):
                try:
                    self._leave(membership, subject, actor)
                except LastAdmin:
                    stays.append(session.get_one(Tenant, membership.tenant_id).name)
            if stays:
                raise LastAdminOf(sorted(stays))
            # As if it were locked: sessions, tokens and devices end, and products are told.
            for hook in self._accounts.on_locked:
                hook(account_id, subject)
            self._audit.record(
                "account.deleted", category="accounts", actor=actor, subject=subject, ip=ip
            )
            context = {"given_name": account.given_name or "", "email": email, "ip": ip or ""}
            self._outbox.mail(email, "account-deleted", locale, context)
            session.flush()
            session.execute(
                delete(Account)
                .where(Account.id == account_id)
                .execution_options(synchronize_session=False)
            )
            session.expunge_all()
            self._announce(subject)
            after_commit(lambda: self._announce(subject))

    def _leave(self, membership: Membership, subject: str, actor: str) -> None:
        account_id, tenant_id = membership.account_id, membership.tenant_id
        self._members.set_status(
            tenant_id, membership.id, "removed", event="member.removed", actor=actor
        )
        for hook in self._people.on_membership_ended:
            hook(account_id, subject, tenant_id)

    def _announce(self, subject: str) -> None:
        for hook in self._accounts.on_changed:
            hook(subject)
