"""Remembered devices (M5): browsers that may skip the second factor where a policy lets them.

The cookie holds a few tokens, one per account that was remembered in this browser. How long a
device counts is judged in ``authn.steps`` by today's policy; a password change ends it.
"""

import re
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select

from idp.authn.models import RememberedDevice
from idp.core.clock import Clock
from idp.core.randomness import Randomness, digest
from idp.infra.database import db, transaction

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_PER_BROWSER = 5


class RememberedDevices:
    """Remembers and recognises browsers."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness

    def remember(self, account_id: str, days: int, cookie: str, *, user_agent: str, ip: str) -> str:
        """Remember this browser for the account; the new value of its cookie."""
        token = self._randomness.token()
        now = self._clock.now()
        with transaction() as session:
            session.execute(
                delete(RememberedDevice).where(
                    RememberedDevice.account_id == account_id,
                    RememberedDevice.token_digest.in_(digests(cookie))
                    | (RememberedDevice.expires_at <= now),
                )
            )
            session.add(
                RememberedDevice(
                    id=self._randomness.uuid(),
                    account_id=account_id,
                    token_digest=digest(token),
                    created_at=now,
                    expires_at=now + timedelta(days=days),
                    user_agent=user_agent[:400],
                    ip=ip[:64],
                )
            )
        return ".".join([token, *_tokens(cookie)][:_PER_BROWSER])

    def find(self, account_id: str, token_digests: Sequence[str]) -> RememberedDevice | None:
        """The account's device among these tokens, unless its time is up."""
        if not token_digests:
            return None
        found = select(RememberedDevice).where(
            RememberedDevice.account_id == account_id,
            RememberedDevice.token_digest.in_(token_digests),
            RememberedDevice.expires_at > self._clock.now(),
        )
        return db.session.scalars(found.order_by(RememberedDevice.created_at.desc())).first()

    def list(self, account_id: str) -> Sequence[RememberedDevice]:
        """The account's devices, latest first."""
        found = select(RememberedDevice).where(
            RememberedDevice.account_id == account_id,
            RememberedDevice.expires_at > self._clock.now(),
        )
        return db.session.scalars(found.order_by(RememberedDevice.created_at.desc())).all()

    def forget(self, account_id: str, device_id: str) -> bool:
        """Forget one of the account's devices; False if it has none such."""
        with transaction() as session:
            gone = session.execute(
                delete(RememberedDevice).where(
                    RememberedDevice.account_id == account_id, RememberedDevice.id == device_id
                )
            )
            return bool(gone.rowcount)  # type: ignore[attr-defined]

    def forget_all(self, account_id: str) -> None:
        """Forget the account's devices (password change, factors reset)."""
        with transaction() as session:
            session.execute(
                delete(RememberedDevice).where(RememberedDevice.account_id == account_id)
            )


def digests(cookie: str | None) -> tuple[str, ...]:
    """What is looked up of a cookie's value."""
    return tuple(digest(token) for token in _tokens(cookie or ""))


def _tokens(cookie: str) -> list[str]:
    return [token for token in cookie.split(".") if _TOKEN.fullmatch(token)][:_PER_BROWSER]
