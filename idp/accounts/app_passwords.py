"""Application passwords: what a program signs in to one product with, where no browser can (P1).

Random, so that its digest is all that is kept: groups of characters that are easy to type, told
apart from every token by a beginning of its own and by its last character, which checks the others.
Which of them still counts is judged where one is presented, by ``protocol.app_passwords``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update

from idp.accounts.models import Account, AppPassword
from idp.core.clock import Clock
from idp.core.randomness import CODE_ALPHABET, Randomness, digest
from idp.infra.database import db, transaction

PREFIX = "ap"
GROUPS, GROUP = 5, 5
"""24 random characters of an alphabet of 31 are 118 bits; the last one is the check."""
MOST = 25
"""Application passwords of one person at a time."""
_NOTED = timedelta(minutes=1)
"""How exact the last use is known, so that a busy program writes little."""
_KEPT = timedelta(days=30)
_SHAPE = re.compile(rf"{PREFIX}[{CODE_ALPHABET}]{{{GROUPS * GROUP}}}")


@dataclass(frozen=True, slots=True)
class Presented:
    """An application password that exists, and whose it is; it may count no more."""

    id: str
    subject: str
    tenant_id: str
    product: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class TooManyAppPasswords(Exception):
    """The person has as many as are kept."""


def normalised(text: str) -> str | None:
    """The value without blanks and hyphens, in lower case; None where it cannot be one of ours."""
    if len(text) > 100:
        return None
    plain = re.sub(r"[\s-]", "", text).lower()
    if _SHAPE.fullmatch(plain) is None or plain[-1] != _check_character(plain[len(PREFIX) : -1]):
        return None
    return plain


def _check_character(characters: str) -> str:
    """Weighted and modulo a prime, so that no single slip and no swap of two goes through."""
    total = sum(
        (place + 1) * CODE_ALPHABET.index(character) for place, character in enumerate(characters)
    )
    return CODE_ALPHABET[total % len(CODE_ALPHABET)]


class AppPasswords:
    """Keeps them."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness

    def create(
        self,
        account_id: str,
        tenant_id: str,
        product: str,
        comment: str,
        expires_at: datetime | None,
    ) -> tuple[AppPassword, str]:
        """A new one and the password itself, which nobody can find out again.

        Raises ``TooManyAppPasswords``.
        """
        password = self._new()
        row = AppPassword(
            id=self._randomness.uuid(),
            account_id=account_id,
            tenant_id=tenant_id,
            product=product,
            comment=comment,
            digest=digest(normalised(password) or ""),
            created_at=self._clock.now(),
            expires_at=expires_at,
        )
        with transaction() as session:
            # In line with whatever else is made for this person, so that the cap holds.
            session.execute(select(Account.id).where(Account.id == account_id).with_for_update())
            if self.count(account_id) >= MOST:
                raise TooManyAppPasswords
            session.add(row)
            session.flush()
        return row, password

    def _new(self) -> str:
        alphabet = CODE_ALPHABET
        length = GROUPS * GROUP - 1
        characters = "".join(alphabet[self._randomness.below(len(alphabet))] for _ in range(length))
        whole = characters + _check_character(characters)
        groups = [whole[at : at + GROUP] for at in range(0, len(whole), GROUP)]
        return "-".join([PREFIX, *groups])

    def find(self, password: str) -> Presented | None:
        """The one presented, whether or not it still counts; None for everything unknown."""
        plain = normalised(password)
        if plain is None:
            return None
        query = (
            select(
                AppPassword.id,
                Account.subject,
                AppPassword.tenant_id,
                AppPassword.product,
                AppPassword.created_at,
                AppPassword.expires_at,
                AppPassword.revoked_at,
                AppPassword.last_used_at,
            )
            .join(Account, Account.id == AppPassword.account_id)
            .where(AppPassword.digest == digest(plain))
        )
        found = db.session.execute(query).first()
        return Presented(*found) if found else None

    def note_use(self, presented: Presented, ip: str) -> None:
        """Remember when it was used and from where, at most once a minute."""
        before = self._clock.now() - _NOTED
        if presented.last_used_at is not None and presented.last_used_at > before:
            return
        stale = or_(AppPassword.last_used_at.is_(None), AppPassword.last_used_at <= before)
        with transaction() as session:
            session.execute(
                update(AppPassword)
                .where(AppPassword.id == presented.id, stale)
                .values(last_used_at=self._clock.now(), last_used_ip=ip[:64])
                .execution_options(synchronize_session=False)
            )

    def list(self, account_id: str) -> Sequence[AppPassword]:
        """A person's own that were not ended, the newest first."""
        query = live().where(AppPassword.account_id == account_id)
        newest = AppPassword.created_at.desc(), AppPassword.id.desc()
        return db.session.scalars(query.order_by(*newest)).all()

    def count(self, account_id: str) -> int:
        """How many a person has."""
        query = select(func.count()).where(
            AppPassword.account_id == account_id, AppPassword.revoked_at.is_(None)
        )
        return db.session.scalar(query) or 0

    def revoke(self, reason: str, *which: ColumnElement[bool]) -> Sequence[AppPassword]:
        """End for good those that live and meet the conditions; which they were."""
        with transaction() as session:
            rows = session.scalars(live().where(*which).with_for_update()).all()
            for row in rows:
                row.revoked_at = self._clock.now()
                row.revoked_reason = reason[:64]
            session.flush()
        return rows

    def purge(self) -> int:
        """Forget those that ended or expired a month ago; how many."""
        before = self._clock.now() - _KEPT
        over = or_(AppPassword.revoked_at < before, AppPassword.expires_at < before)
        with transaction() as session:
            gone = session.execute(
                delete(AppPassword).where(over).execution_options(synchronize_session=False)
            )
            return int(gone.rowcount)  # type: ignore[attr-defined]


def live() -> Select[AppPassword]:
    """Those that were not ended."""
    return select(AppPassword).where(AppPassword.revoked_at.is_(None))
