"""What a person allowed third-party clients: found, extended, listed, taken back (S10).

First-party products have no row here; they are never asked about. Taking consent back ends every
refresh token and access token that came of it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, select

from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.grants.endings import Endings
from idp.grants.models import Grant
from idp.grants.refresh import RefreshTokens
from idp.infra.audit import Audit
from idp.infra.database import after_commit, db, transaction

_GRANT = cast(Table, Grant.__table__)


def _insert(dialect: str) -> Any:
    """An INSERT that knows what to do about a row that is there already."""
    # The dialect in use is loaded with its engine; the other would bring all of its drivers.
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert(_GRANT)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert(_GRANT)


@dataclass(frozen=True, slots=True)
class GrantedClient:
    """One line of the person's list of clients."""

    client_id: str
    scope: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


class Consents:
    """``forget_person`` drops the cached person, of whom consents are a part, after the commit."""

    def __init__(
        self,
        clock: Clock,
        randomness: Randomness,
        audit: Audit,
        refresh_tokens: RefreshTokens,
        endings: Endings,
        forget_person: Callable[[str], object],
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._audit = audit
        self._refresh_tokens = refresh_tokens
        self._endings = endings
        self._forget_person = forget_person

    def find(self, account_id: str, client_id: str) -> tuple[str, ...]:
        """The scopes allowed so far."""
        scope = db.session.execute(
            select(_GRANT.c.scope).where(
                _GRANT.c.account_id == account_id,
                _GRANT.c.client_id == client_id,
                _GRANT.c.revoked_at.is_(None),
            )
        ).scalar_one_or_none()
        return tuple(scope or ())

    def extend(
        self, account_id: str, subject: str, client_id: str, scope: Iterable[str]
    ) -> tuple[str, ...]:
        """Add scopes to what is allowed, and return it all."""
        now = self._clock.now()
        with transaction() as session:
            allowed = list(dict.fromkeys((*self.find(account_id, client_id), *scope)))
            # One statement, so that two tabs that consent at once do not collide.
            session.execute(
                _insert(session.get_bind().dialect.name)
                .values(
                    id=self._randomness.uuid(),
                    account_id=account_id,
                    client_id=client_id,
                    scope=allowed,
                    created_at=now,
                    updated_at=now,
                )
                .on_conflict_do_update(
                    index_elements=["account_id", "client_id"],
                    set_={"scope": allowed, "updated_at": now, "revoked_at": None},
                )
            )
            self._audit.record(
                "consent.granted",
                category="consent",
                actor=subject,
                subject=subject,
                client_id=client_id,
                detail={"scope": allowed},
            )
            after_commit(lambda: self._forget_person(subject))
        return tuple(allowed)

    def revoke(self, account_id: str, subject: str, client_id: str) -> bool:
        """Take consent back, and end every token it led to; whether there was any."""
        with transaction() as session:
            families = self._refresh_tokens.families_of(account_id, client_id=client_id)
            self._refresh_tokens.revoke_for_account(
                account_id, "consent revoked", client_id=client_id
            )
            row = session.scalars(
                select(Grant).where(
                    Grant.account_id == account_id,
                    Grant.client_id == client_id,
                    Grant.revoked_at.is_(None),
                )
            ).one_or_none()
            if row is None:
                return False
            row.revoked_at = row.updated_at = self._clock.now()
            row.scope = []
            self._audit.record(
                "consent.revoked",
                category="consent",
                actor=subject,
                subject=subject,
                client_id=client_id,
            )
            after_commit(lambda: self._forget_person(subject))
            after_commit(lambda: self._endings.mark(*families))
        return True

    def list(self, account_id: str) -> list[GrantedClient]:
        """The clients a person has allowed something, latest first."""
        rows = db.session.execute(
            select(_GRANT.c.client_id, _GRANT.c.scope, _GRANT.c.created_at, _GRANT.c.updated_at)
            .where(_GRANT.c.account_id == account_id, _GRANT.c.revoked_at.is_(None))
            .order_by(_GRANT.c.updated_at.desc())
        )
        return [
            GrantedClient(r.client_id, tuple(r.scope), r.created_at, r.updated_at) for r in rows
        ]
