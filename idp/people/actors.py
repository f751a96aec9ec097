"""Who is acting, and why they may not: company admins in their own company, operators anywhere."""

from dataclasses import dataclass

from sqlalchemy import select

from idp.accounts.models import Account
from idp.core.person import Person
from idp.infra.database import db
from idp.tenants.models import Membership


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


@dataclass(frozen=True, slots=True)
class Actor:
    """A person by their account, or an operator at the command line (no account)."""

    name: str
    subject: str
    account_id: str | None

    @classmethod
    def person(cls, person: Person) -> "Actor":
        """Somebody signed in."""
        name = str(person.claims.get("name") or person.email)
        return cls(name=name, subject=person.subject, account_id=person.account_id)

    @classmethod
    def command_line(cls) -> "Actor":
        """Whoever can run commands on the server may do everything."""
        return cls(name="Einlass", subject="cli", account_id=None)

    def check_admin(self, tenant_id: str) -> None:
        """Raise ``NotAllowed`` unless the actor is an active admin there now."""
        if self.account_id is None:
            return
        query = (
            select(Membership.id)
            .join(Account, Account.id == Membership.account_id)
            .where(
                Membership.account_id == self.account_id,
                Membership.tenant_id == tenant_id,
                Membership.role == "admin",
                Membership.status == "active",
                Account.status == "active",
            )
        )
        if db.session.scalar(query) is None:
            raise NotAllowed
