"""What people have set up as their second factor, read for many of them at once.

One description of what counts as set up, for the people list, the forecast and the progress of a
roll-out; a person's own snapshot (``people.snapshot``) goes by the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select

from idp.accounts.models import Account
from idp.authn.models import CodeDestination, TotpDevice, WebauthnCredential
from idp.core.vocabulary import PREFERENCE, Factor
from idp.infra.database import db
from idp.tenants.models import Membership

_TOTP = TotpDevice.__table__
_PASSKEY = WebauthnCredential.__table__
_DESTINATION = CodeDestination.__table__
_MEMBER = Membership.__table__
_IN_USE = _PASSKEY.c.counter_regressed_at.is_(None)
_PHONE = _DESTINATION.c.channel == "phone"

_SET_UP: Mapping[Factor, tuple[Any, ColumnElement[bool], ColumnElement[datetime]]] = {
    Factor.TOTP: (_TOTP, _TOTP.c.confirmed_at.is_not(None), _TOTP.c.confirmed_at),
    Factor.WEBAUTHN: (_PASSKEY, _IN_USE, _PASSKEY.c.created_at),
    Factor.SMS: (
        _DESTINATION,
        and_(_PHONE, _DESTINATION.c.texts),
        _DESTINATION.c.created_at,
    ),
    Factor.VOICE: (_DESTINATION, _PHONE, _DESTINATION.c.created_at),
    Factor.EMAIL: (_DESTINATION, _DESTINATION.c.channel == "email", _DESTINATION.c.created_at),
}
"""Each second factor: its table, what makes a row of it usable, and since when it is."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The second factors of one account, each with the moment it was first set up.

    ``passwordless``: one of the passkeys needs no password.
    """

    since: Mapping[Factor, datetime] = field(default_factory=dict)
    passwordless: bool = False

    @property
    def factors(self) -> frozenset[Factor]:
        """Which kinds."""
        return frozenset(self.since)


NOTHING = Enrolled()


def enrolled_in(tenant_id: str) -> dict[str, Enrolled]:
    """What the members of a company have, by account id; who has nothing is left out."""
    found: dict[str, dict[Factor, datetime]] = {}
    members = select(_MEMBER.c.account_id).where(_MEMBER.c.tenant_id == tenant_id)
    for factor, (table, usable, since) in _SET_UP.items():
        query = (
            select(table.c.account_id, func.min(since).label("since"))
            .where(usable, table.c.account_id.in_(members))
            .group_by(table.c.account_id)
        )
        for account_id, moment in db.session.execute(query):
            found.setdefault(account_id, {})[factor] = moment
    verified = select(_PASSKEY.c.account_id).where(
        _IN_USE, _PASSKEY.c.user_verified, _PASSKEY.c.account_id.in_(members)
    )
    passwordless = set(db.session.execute(verified).scalars())
    return {
        account_id: Enrolled(since, account_id in passwordless)
        for account_id, since in found.items()
    }


def enrolled_columns() -> list[ColumnElement[bool]]:
    """One column for each second factor, beside an account in a query: whether it is set up."""
    return [
        select(table.c.id)
        .where(table.c.account_id == Account.id, usable)
        .exists()
        .label(f"has_{factor}")
        for factor, (table, usable, _) in _SET_UP.items()
    ]


def passwordless_column() -> ColumnElement[bool]:
    """Beside an account in a query: whether one of its passkeys needs no password."""
    usable = (_PASSKEY.c.account_id == Account.id, _IN_USE, _PASSKEY.c.user_verified)
    return select(_PASSKEY.c.id).where(*usable).exists().label("passwordless")


def withdrawn_column() -> ColumnElement[bool]:
    """Beside an account in a query: whether one of its passkeys may have been copied."""
    withdrawn = (_PASSKEY.c.account_id == Account.id, ~_IN_USE)
    return select(_PASSKEY.c.id).where(*withdrawn).exists().label("withdrawn")


def enrolled_of(row: Mapping[str, Any]) -> tuple[Factor, ...]:
    """The factors that those columns say, the strongest first."""
    return tuple(f for f in PREFERENCE if f in _SET_UP and row[f"has_{f}"])
