"""What signing in needs of layers above it and beside it, as the smallest shapes that will do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from idp.core.person import Person


class People(Protocol):
    """Reads persons (``people.snapshot.PersonDirectory``)."""

    def load(self, subject: str) -> Person | None:
        """The person as of now."""
        ...

    def forget(self, subject: str) -> None:
        """What was read of this person before is no longer true."""
        ...


class Memberships(Protocol):
    """What signing in notes at a membership (``tenants.service.TenantService``)."""

    def mark_due(self, membership_id: str, now: datetime) -> object:
        """Fix the deadline for setting up a factor, if it is not fixed yet."""
        ...

    def note_sign_in(self, membership_id: str) -> object:
        """Remember when the member last signed in for this company."""
        ...

    def use_bypass(self, membership_id: str) -> bool:
        """Use up the one-time bypass an admin has granted; True for exactly one caller."""
        ...


class InvitationRefused(Exception):
    """The invitation was used, revoked or has expired."""


class Invitations(Protocol):
    """Takes up invitations (``people.members.service.PeopleService``)."""

    def accept(self, token: str, account_id: str) -> object:
        """Make the account a member, once; raises ``InvitationRefused``."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A company whose product has handed this address over, and where that company stands (A1-A3).

    ``local``: it keeps its products' logins; ``moving``: it has central accounts, and until
    ``cutover_at`` the products' own as well. ``firm``: an operator or a product has said so, not
    only the company itself, which could name any stranger.
    """

    tenant_id: str
    tenant_name: str
    state: Literal["local", "moving", "central"]
    cutover_at: datetime | None = None
    firm: bool = True


class Arrivals(Protocol):
    """People whom a product has handed over (``people.activation.arrivals.Arrivals``)."""

    def prepared_for(self, email: str, account_id: str | None = None) -> tuple[Prepared, ...]:
        """The companies that know this address, which has to be proven; none that the account
        belongs to, or was locked in or removed from.
        """
        ...

    def claim(self, account_id: str, tenant_ids: Iterable[str] | None = None) -> object:
        """Make the account, its address confirmed, a member of these companies, or of all that
        know it and have central accounts; what others have done meanwhile stays.
        """
        ...


class JoinRefused(Exception):
    """A company was not joined; ``code`` is to translate, ``retry_after`` in seconds (0: never)."""

    def __init__(self, code: str, retry_after: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class Companies(Protocol):
    """Takes people into companies (``people.members.joining.Joining``)."""

    def join(self, account_id: str, customer_number: str, *, ip: str) -> str:
        """Make the account a member, waiting for an admin where there is one; the company's id.

        A member stays what they are. Raises ``JoinRefused``.
        """
        ...


Helper = Literal["admin", "operator", "nobody"]
"""Who can help somebody who has none of their factors."""


class HelpRefused(Exception):
    """Nobody was asked; ``code`` is what to translate, ``field`` where (``reason``, ``contact``).

    ``retry_after``: seconds, where it was asked too often.
    """

    def __init__(self, code: str, field: str = "", retry_after: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.retry_after = retry_after


class Help(Protocol):
    """Help for somebody who has lost every factor (``people.recovery.help.Help``)."""

    def helper_of(self, person: Person, tenant_id: str | None) -> Helper:
        """The company's other admins; operators where there are none; nobody without a company."""
        ...

    def was_asked(self, person: Person) -> bool:
        """Whether help is on its way already."""
        ...

    def ask(
        self, person: Person, tenant_id: str | None, reason: str, contact: str, *, ip: str
    ) -> None:
        """Tell them; raises ``HelpRefused``."""
        ...
