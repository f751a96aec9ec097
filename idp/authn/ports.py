"""What signing in needs of layers above it and beside it, as the smallest shapes that will do."""

from datetime import datetime
from typing import Protocol

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


class InvitationRefused(Exception):
    """The invitation was used, revoked or has expired."""


class Invitations(Protocol):
    """Takes up invitations (``people.service.PeopleService``)."""

    def accept_invitation(self, token: str, account_id: str) -> object:
        """Make the account a member, once; raises ``InvitationRefused``."""
        ...


class JoinRefused(Exception):
    """A company was not joined; ``code`` is to translate, ``retry_after`` in seconds (0: never)."""

    def __init__(self, code: str, retry_after: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class Companies(Protocol):
    """Takes people into companies (``people.joining.Joining``)."""

    def join(self, account_id: str, customer_number: str, *, ip: str) -> str:
        """Make the account a member, waiting for an admin where there is one; the company's id.

        A member stays what they are. Raises ``JoinRefused``.
        """
        ...
