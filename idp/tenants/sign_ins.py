"""When a member last, and first, signed in for a company; written at every sign-in.

Called by ``Memberships.note_sign_in``.
"""

from datetime import datetime

from sqlalchemy import bindparam, func, update

from idp.infra.database import UtcDateTime
from idp.infra.statements import Prepared, writing
from idp.tenants.models import Membership

_NOTE = Prepared(
    update(Membership)
    .where(Membership.id == bindparam("membership_id"))
    .values(
        last_sign_in_at=bindparam("now"),
        first_sign_in_at=func.coalesce(
            Membership.first_sign_in_at, bindparam("now", type_=UtcDateTime)
        ),
    )
)


def note(membership_id: str, now: datetime) -> None:
    """Remember it."""
    with writing() as connection:
        _NOTE.run(connection, {"membership_id": membership_id, "now": now})
