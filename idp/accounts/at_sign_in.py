"""What every sign-in asks of an account, and writes to it, without reading the whole of it.

Called by the forms and by the end of a login, and by ``AccountService.note_sign_in``.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update

from idp.accounts.models import Account
from idp.infra.statements import Prepared, reading, writing

_FIND = Prepared(select(Account.id, Account.subject).where(Account.email == bindparam("address")))
_LAST = Prepared(select(Account.last_sign_in_at).where(Account.id == bindparam("account_id")))
_NOTE = Prepared(
    update(Account)
    .where(Account.id == bindparam("account_id"))
    .values(last_sign_in_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Found:
    """Whose an address is."""

    account_id: str
    subject: str


def find(address: str) -> Found | None:
    """The account of an address in its normal form."""
    with reading() as connection:
        row = _FIND.first(connection, {"address": address})
    return None if row is None else Found(row["id"], row["subject"])


def last_sign_in(account_id: str) -> datetime | None:
    """The last one before that under way; None where there was none."""
    with reading() as connection:
        row = _LAST.first(connection, {"account_id": account_id})
    return None if row is None else row["last_sign_in_at"]


def note_sign_in(account_id: str, now: datetime) -> None:
    """Remember when the account was last signed in to."""
    with writing() as connection:
        _NOTE.run(connection, {"account_id": account_id, "now": now})
