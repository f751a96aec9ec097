"""Who is acting, and why they may not: admins and their helpers in their own company, clients of
the management API in theirs, operators anywhere.

A helper holds one or more console rights (``tenants.catalogue``) without being an admin. Helpers
grant only what they hold themselves, and never touch an admin. Whomever they let in, by whichever
way, gets of what everybody gets no more than they hold (:meth:`Actor.giving`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from idp.accounts.models import Account
from idp.core.person import Person
from idp.infra.database import db
from idp.tenants.catalogue import (
    PRODUCT_KEYS,
    check_permissions,
    check_products,
    console_rights,
    effective_permissions,
)
from idp.tenants.models import Membership, TenantProduct


class Refused(Exception):
    """Something that people may not do; ``code`` is what to translate."""

    code = "refused"
    text = "this is not allowed"

    def __init__(self) -> None:
        super().__init__(self.text)


class NotAllowed(Refused):
    """The actor is no active admin of that company; to them it does not exist."""

    text = "only an admin of this company may do this"


class NotYourself(Refused):
    """An admin cannot do this to their own membership."""

    code = "not-yourself"
    text = "nobody can do this to their own membership"


class AlreadyMember(Refused):
    """The invited address belongs to the company already."""

    code = "already-member"
    text = "this person belongs to the company already"


class AlreadyInvited(Refused):
    """An invitation to the address is open already."""

    code = "already-invited"
    text = "this person has been invited already; resend the invitation instead"


class BoundElsewhere(Refused):
    """Another company's policy relies on the person's second factor."""

    code = "bound-elsewhere"
    text = "another company's policy relies on this second factor; ask the operator of the platform"


class NotHeld(Refused):
    """A helper cannot grant, or take away, what they do not hold themselves."""

    code = "permission-not-held"
    text = "only permissions that one holds oneself can be granted or withdrawn"


class OnlyAdmins(Refused):
    """What concerns an admin, or makes one, is for admins alone."""

    code = "only-admins"
    text = "only an admin of this company may do this to an admin"


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody gets who is let in; ``products`` None: all, later ones too.

    ``withheld`` and ``closed``: permissions and booked products that were meant for them and that
    whoever lets them in does not have.
    """

    permissions: list[str]
    products: list[str] | None
    withheld: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    def as_detail(self) -> dict[str, Any]:
        """As the change log names it."""
        detail: dict[str, Any] = {"permissions": self.permissions}
        if self.products is not None:
            detail["products"] = self.products
        if self.withheld:
            detail["withheld"] = list(self.withheld)
        return detail


@dataclass(frozen=True, slots=True)
class Actor:
    """A person by their account, or who acts ``everywhere``: an operator, the command line, a
    client of the management API (within ``bound_to``, where that names a company).
    """

    name: str
    subject: str
    account_id: str | None
    everywhere: bool = False
    bound_to: str | None = None

    @classmethod
    def person(cls, person: Person) -> "Actor":
        """Somebody signed in."""
        return cls(name=_name(person), subject=person.subject, account_id=person.account_id)

    @classmethod
    def operator(cls, person: Person) -> "Actor":
        """An operator at work; the guard of the page has made sure of it."""
        return cls(_name(person), person.subject, person.account_id, everywhere=True)

    @classmethod
    def command_line(cls) -> "Actor":
        """Whoever can run commands on the server may do everything."""
        return cls(name="Einlass", subject="cli", account_id=None, everywhere=True)

    @classmethod
    def client(cls, name: str, client_id: str, tenant_id: str | None) -> "Actor":
        """A client of the management API; its scopes were checked there."""
        return cls(name, client_id, None, everywhere=True, bound_to=tenant_id)

    @property
    def is_operator(self) -> bool:
        """Whether no single company sets the bounds."""
        return self.everywhere and self.bound_to is None

    def check_operator(self) -> None:
        """Raise ``NotAllowed`` for anybody but an operator or the command line."""
        if not self.is_operator:
            raise NotAllowed

    def check_admin(self, tenant_id: str) -> None:
        """Raise ``NotAllowed`` unless the actor is an active admin there now."""
        if not self.everywhere:
            membership = self._membership(tenant_id)
            if membership is None or membership.role != "admin":
                raise NotAllowed
        elif self.bound_to not in (None, tenant_id):
            raise NotAllowed

    def check_right(self, tenant_id: str, right: str) -> None:
        """The same for an admin or a helper who holds this console right."""
        if self.everywhere:
            self.check_admin(tenant_id)
            return
        membership = self._membership(tenant_id)
        if membership is None or right not in console_rights(
            membership.role, membership.permissions
        ):
            raise NotAllowed

    def check_may_grant(self, tenant_id: str, permissions: Iterable[str]) -> None:
        """Raise ``NotHeld`` where the actor lacks one of them; admins and operators lack none."""
        if self._is_helper(tenant_id) and set(permissions) - self._held(tenant_id):
            raise NotHeld

    def check_may_open(
        self, tenant_id: str, before: Iterable[str] | None, after: Iterable[str] | None
    ) -> None:
        """Raise ``NotHeld`` where a helper would change who gets into a product that they
        themselves do not get into; None means all that are booked.
        """
        own = self.openable(tenant_id)
        if own is None:
            return
        if (before is None) != (after is None):
            raise NotHeld
        if (set(before or ()) ^ set(after or ())) - own:
            raise NotHeld

    def giving(
        self,
        tenant_id: str,
        meant: Iterable[str],
        products: Iterable[str] | None,
        asked: Iterable[str] | None = None,
    ) -> Given:
        """What somebody gets whom the actor lets in: of what is ``meant`` for them anyway as much
        as the actor holds, or what is ``asked`` for instead; likewise the products.

        Raises ``NotHeld`` where more is asked for than is meant or held. Every way in asks here.
        """
        before = set(meant)
        wanted = before if asked is None else set(asked)
        if not self._is_helper(tenant_id):
            opened = None if products is None else check_products(products)
            return Given(check_permissions(wanted), opened)
        held, booked = self._held(tenant_id), _booked(tenant_id)
        if wanted - before - held:
            raise NotHeld
        opened = self.narrowed(tenant_id, products)
        shown = effective_permissions("employee", wanted - held, booked)
        inside = console_rights("employee", wanted - held)
        hoped = booked if products is None else booked.intersection(products)
        return Given(
            check_permissions(wanted & held),
            opened,
            withheld=tuple(check_permissions({*shown, *inside})),
            closed=tuple(check_products(hoped - set(hoped if opened is None else opened))),
        )

    def narrowed(self, tenant_id: str, products: Iterable[str] | None) -> list[str] | None:
        """Of these products those that the actor may open; None: all, later ones too."""
        own = self.openable(tenant_id)
        if own is None:
            return None if products is None else check_products(products)
        return check_products(own if products is None else own.intersection(products))

    def openable(self, tenant_id: str) -> frozenset[str] | None:
        """The products that the actor may open to others, and close; None: all, later ones too."""
        if not self._is_helper(tenant_id):
            return None
        own = self._membership(tenant_id)
        if own is None:
            return frozenset()
        return None if own.products is None else frozenset(own.products)

    def check_may_change(self, tenant_id: str, member: Membership) -> None:
        """Raise ``OnlyAdmins`` where a helper would change an admin."""
        if member.role == "admin":
            self.check_may_make_admins(tenant_id)

    def check_may_make_admins(self, tenant_id: str) -> None:
        """Raise ``OnlyAdmins`` for a helper."""
        if self._is_helper(tenant_id):
            raise OnlyAdmins

    def _is_helper(self, tenant_id: str) -> bool:
        if self.everywhere:
            return False
        membership = self._membership(tenant_id)
        return membership is None or membership.role != "admin"

    def _held(self, tenant_id: str) -> set[str]:
        membership = self._membership(tenant_id)
        if membership is None:
            return set()
        # What is booked later counts as well: it is theirs from that day on.
        products = PRODUCT_KEYS if membership.products is None else membership.products
        granted = membership.permissions
        held = effective_permissions(membership.role, granted, products)
        return {*held, *console_rights(membership.role, granted)}

    def _membership(self, tenant_id: str) -> Membership | None:
        """The actor's own, if account and membership are active now."""
        query = (
            select(Membership)
            .join(Account, Account.id == Membership.account_id)
            .where(
                Membership.account_id == self.account_id,
                Membership.tenant_id == tenant_id,
                Membership.status == "active",
                Account.status == "active",
            )
        )
        return db.session.scalar(query)


def _booked(tenant_id: str) -> set[str]:
    query = select(TenantProduct.product).where(TenantProduct.tenant_id == tenant_id)
    return set(db.session.scalars(query))


def _name(person: Person) -> str:
    return str(person.claims.get("name") or person.email)
