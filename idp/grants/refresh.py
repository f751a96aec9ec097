"""Refresh tokens: rotation at every use, detection of reuse, one family to end (RFC 9700 §4.14.2).

A token's successor is an HMAC of the token under a key derived from the master key: nothing is
stored in clear, and yet a client whose answer was lost can be given the same successor again,
within the grace its registration allows and only while that successor is unused. One conditional
UPDATE decides who of any number of parallel callers rotates; the others have reused the token.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, insert, select, update

from idp.core.clock import Clock
from idp.core.randomness import Randomness, digest
from idp.grants.entitlement import Entitlement
from idp.grants.models import RefreshFamily, RefreshToken
from idp.infra.database import db, transaction
from idp.infra.sealing import Sealer
from idp.infra.statements import Prepared, reading, writing
from idp.settings import Lifetimes

MAX_TOKEN = 512

_FAMILY = cast(Table, RefreshFamily.__table__)
_TOKEN = cast(Table, RefreshToken.__table__)

_FIND = Prepared(
    select(
        _TOKEN.c.digest,
        _TOKEN.c.used_at,
        _TOKEN.c.grace_until,
        _FAMILY.c.id,
        _FAMILY.c.account_id,
        _FAMILY.c.subject,
        _FAMILY.c.client_id,
        _FAMILY.c.tenant_id,
        _FAMILY.c.sid,
        _FAMILY.c.scope,
        _FAMILY.c.claims,
        _FAMILY.c.auth_time,
        _FAMILY.c.acr,
        _FAMILY.c.amr,
        _FAMILY.c.created_at,
        _FAMILY.c.expires_at,
        _FAMILY.c.revoked_at,
    )
    .join(_FAMILY, _FAMILY.c.id == _TOKEN.c.family_id)
    .where(_TOKEN.c.digest == bindparam("presented"))
)
_USE = Prepared(
    update(_TOKEN)
    .where(
        _TOKEN.c.digest == bindparam("presented"),
        _TOKEN.c.used_at.is_(None),
        select(_FAMILY.c.id)
        .where(
            _FAMILY.c.id == _TOKEN.c.family_id,
            _FAMILY.c.revoked_at.is_(None),
            _FAMILY.c.expires_at > bindparam("now"),
        )
        .exists(),
    )
    .values(used_at=bindparam("now"), grace_until=bindparam("until"))
)
_ADD = Prepared(
    insert(_TOKEN).values(
        digest=bindparam("digest"),
        family_id=bindparam("family_id"),
        created_at=bindparam("created_at"),
    )
)


class RefreshRefused(Exception):
    """The token cannot be used: revoked, expired, or lost to another caller."""


class RefreshReused(RefreshRefused):
    """The token was used before; whoever holds the other copy, the family must end."""


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A refresh token as stored, with what it is for."""

    digest: str
    used_at: datetime | None
    grace_until: datetime | None
    entitlement: Entitlement
    expires_at: datetime
    revoked_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Whether its family still stands."""
        return self.revoked_at is None and now < self.expires_at


class RefreshTokens:
    """Begins families, rotates their tokens, ends them."""

    def __init__(
        self, clock: Clock, randomness: Randomness, lifetimes: Lifetimes, sealer: Sealer
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._lifetime = timedelta(seconds=lifetimes.refresh_token)
        self._key = sealer.derive("refresh-token-successor")

    def begin_family(self, entitlement: Entitlement) -> str:
        """The first token of a new family."""
        token = self._randomness.token(32)
        now = self._clock.now()
        with transaction() as session:
            session.execute(
                insert(_FAMILY).values(
                    id=entitlement.family,
                    account_id=entitlement.account_id,
                    subject=entitlement.subject,
                    client_id=entitlement.client_id,
                    tenant_id=entitlement.tenant_id,
                    sid=entitlement.sid,
                    scope=" ".join(entitlement.scope),
                    claims=dict(entitlement.claims) if entitlement.claims else None,
                    auth_time=entitlement.auth_time,
                    acr=entitlement.acr,
                    amr=list(entitlement.amr),
                    created_at=entitlement.created_at,
                    expires_at=now + self._lifetime,
                )
            )
            self._add(session.connection(), token, entitlement.family, now)
        return token

    def find(self, token: str | None) -> FoundToken | None:
        """The token as stored, used or not; None where it is none of ours."""
        if token is None or len(token) > MAX_TOKEN:
            return None
        with reading() as connection:
            row = _FIND.first(connection, {"presented": digest(token)})
        if row is None:
            return None
        entitlement = Entitlement(
            family=row["id"],
            client_id=row["client_id"],
            subject=row["subject"],
            account_id=row["account_id"],
            tenant_id=row["tenant_id"],
            sid=row["sid"],
            scope=tuple(row["scope"].split()),
            auth_time=row["auth_time"],
            acr=row["acr"],
            amr=tuple(row["amr"]),
            created_at=row["created_at"],
            claims=row["claims"],
        )
        return FoundToken(
            digest=row["digest"],
            used_at=row["used_at"],
            grace_until=row["grace_until"],
            entitlement=entitlement,
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
        )

    def rotate(self, token: str, family: str, grace: int) -> str:
        """Use the family's token up and return its successor; raises :class:`RefreshRefused`."""
        now = self._clock.now()
        successor = self._successor(token)
        with writing() as connection:
            used = _USE.run(
                connection,
                {
                    "presented": digest(token),
                    "now": now,
                    "until": now + timedelta(seconds=grace) if grace else None,
                },
            )
            if used == 1:
                self._add(connection, successor, family, now)
                return successor
        return self._successor_again(token, successor, now)

    def _successor_again(self, token: str, successor: str, now: datetime) -> str:
        """Within the grace, and as long as the successor is unused: the same answer once more."""
        found = self.find(token)
        if found is None or not found.is_live(now):
            raise RefreshRefused("unknown, expired or revoked")
        following = self.find(successor)
        if (
            found.grace_until is not None
            and now < found.grace_until
            and following is not None
            and following.used_at is None
        ):
            return successor
        raise RefreshReused("used before")

    def revoke_family(self, family: str, reason: str) -> bool:
        """End a family; whether it was there and had not ended before."""
        # What has ended stays ended: of many who replay one token only the first waits to write.
        live = select(_FAMILY.c.id).where(_FAMILY.c.id == family, _FAMILY.c.revoked_at.is_(None))
        if db.session.execute(live).first() is None:
            return False
        return self._revoke(_FAMILY.c.id == family, reason) > 0

    def revoke_for_account(
        self,
        account_id: str,
        reason: str,
        *,
        client_id: str | None = None,
        tenant_id: str | None = None,
    ) -> int:
        """End every family of an account, or those of one client or company; how many."""
        return self._revoke(_of_account(account_id, client_id, tenant_id), reason)

    def families_of(
        self, account_id: str, client_id: str | None = None, *, tenant_id: str | None = None
    ) -> list[str]:
        """The live families of an account, so that their access tokens can be ended as well."""
        condition = _of_account(account_id, client_id, tenant_id)
        query = select(_FAMILY.c.id).where(condition, _FAMILY.c.revoked_at.is_(None))
        return list(db.session.execute(query).scalars())

    def purge(self) -> int:
        """Remove families past their end, with their tokens; how many."""
        with transaction() as session:
            gone = session.execute(delete(_FAMILY).where(_FAMILY.c.expires_at < self._clock.now()))
            return int(gone.rowcount)  # type: ignore[attr-defined]

    def _revoke(self, condition: ColumnElement[bool], reason: str) -> int:
        with transaction() as session:
            ended = session.execute(
                update(_FAMILY)
                .where(condition, _FAMILY.c.revoked_at.is_(None))
                .values(revoked_at=self._clock.now(), revoked_reason=reason)
            )
            return int(ended.rowcount)  # type: ignore[attr-defined]

    def _add(self, connection: Connection, token: str, family: str, now: datetime) -> None:
        values = {"digest": digest(token), "family_id": family, "created_at": now}
        _ADD.run(connection, values)

    def _successor(self, token: str) -> str:
        made = hmac.digest(self._key, token.encode("utf-8", "surrogatepass"), "sha256")
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode("ascii")


def _of_account(
    account_id: str, client_id: str | None, tenant_id: str | None
) -> ColumnElement[bool]:
    condition = _FAMILY.c.account_id == account_id
    if client_id is not None:
        condition &= _FAMILY.c.client_id == client_id
    if tenant_id is not None:
        condition &= _FAMILY.c.tenant_id == tenant_id
    return condition
