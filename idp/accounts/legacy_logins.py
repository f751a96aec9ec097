"""The hook to an old product: whether a password is right, asked once where hashes cannot be had.

An account that was taken over without a hash carries a mark in its place (``{ask}hr:4711``). At its
first sign-in the product named there is asked over https; a right password is stored as Argon2id at
once, so nobody is asked again. The call is signed with a secret that only Einlass and the product
know: ``Einlass-Signature: v1=HEX`` is HMAC-SHA-256 (RFC 2104) over ``TIMESTAMP.BODY``, the
timestamp, seconds since 1970, in ``Einlass-Timestamp``. See docs/importing-people.md. A product
that does not answer is left alone for a while (``accounts.legacy_breaker``).
"""

import hashlib
import hmac
import json
import logging
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.breached import PasswordsUnavailable
from idp.accounts.foreign_hashes import ASK
from idp.accounts.legacy_breaker import Breaker, Pause
from idp.core.clock import Clock, epoch
from idp.core.randomness import Randomness
from idp.infra.audit import Audit
from idp.infra.database import Base, SealedJson, UtcDateTime, db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbound import Outbound, OutboundFailed, OutboundRefused, Response

log = logging.getLogger(__name__)

AT_ONCE = 2
"""So many sign-ins of one process wait for old products: one that hangs must not hold up everybody
else's, whoever it is that keeps asking.
"""
_WAIT_SECONDS = 0.5


class LegacyLogin(Base):
    """Where an old product can be asked whether a password is right, one per product."""

    __tablename__ = "legacy_logins"

    product: Mapped[str] = mapped_column(String(64), primary_key=True)
    uri: Mapped[str] = mapped_column(String(2000))
    secret: Mapped[dict[str, Any]] = mapped_column(SealedJson("legacy_logins.secret"))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LegacyUnavailable(PasswordsUnavailable):
    """The old product did not answer; the password may be right, nobody knows."""


class LegacyLoginRefused(ValueError):
    """An address that is not called; ``code`` is what to translate."""

    code = "legacy-uri-invalid"


@dataclass(frozen=True, slots=True)
class Configured:
    """A product that can be asked; its secret is not shown again.

    ``pause``: it has not answered lately, and is asked less often, or not at all for now.
    """

    product: str
    uri: str
    updated_at: datetime
    pause: Pause | None = None


class LegacyLogins:
    """Keeps where to ask, and asks."""

    def __init__(
        self,
        outbound: Outbound,
        clock: Clock,
        randomness: Randomness,
        audit: Audit,
        store: EphemeralStore,
    ) -> None:
        self.breaker = Breaker(store, clock)
        self._outbound = outbound
        self._clock = clock
        self._randomness = randomness
        self._audit = audit
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    def list(self) -> list[Configured]:
        """Every product that can be asked."""
        rows = db.session.scalars(select(LegacyLogin).order_by(LegacyLogin.product))
        pause_of = self.breaker.pause_of
        return [Configured(r.product, r.uri, r.updated_at, pause_of(r.product)) for r in rows]

    def has(self, product: str | None) -> bool:
        """Whether this product can be asked."""
        query = select(LegacyLogin.product).where(LegacyLogin.product == product)
        return db.session.scalar(query) is not None

    def configure(self, product: str, uri: str, *, actor: str) -> str:
        """Ask this product there from now on; the new secret, shown this once.

        Raises ``LegacyLoginRefused``. The secret before it is void at once.
        """
        uri = uri.strip()
        try:
            self._outbound.check_url(uri)
        except OutboundRefused as error:
            raise LegacyLoginRefused(str(error)) from error
        if len(uri) > 2000:
            raise LegacyLoginRefused("the address is too long")
        secret = self._randomness.token()
        with transaction() as session:
            row = session.get(LegacyLogin, product)
            if row is None:
                row = LegacyLogin(product=product)
                session.add(row)
            row.uri = uri
            row.secret = {"value": secret}
            row.updated_at = self._clock.now()
            self._record("legacy_login.configured", actor, {"product": product, "uri": uri})
        self.breaker.forget(product)
        return secret

    def remove(self, product: str, *, actor: str) -> bool:
        """Ask it no more: who still carries the mark has to set a new password."""
        with transaction() as session:
            row = session.get(LegacyLogin, product)
            if row is None:
                return False
            session.delete(row)
            self._record("legacy_login.removed", actor, {"product": product})
        self.breaker.forget(product)
        return True

    def ask(self, mark: str | None, email: str, password: str) -> bool | None:
        """Whether the product named in the mark takes the password; None: there is nobody to ask.

        Raises ``LegacyUnavailable`` unless it has said yes or no.
        """
        if mark is None or not mark.startswith(ASK):
            return None
        product, _, external_id = mark.removeprefix(ASK).partition(":")
        row = db.session.get(LegacyLogin, product)
        if row is None:
            return None
        asked = {"email": email, "external_id": external_id or None, "password": password}
        body = json.dumps(asked).encode()
        stamp = str(epoch(self._clock.now()))
        headers = {
            "Accept": "application/json",
            "Einlass-Timestamp": stamp,
            "Einlass-Signature": f"v1={sign(row.secret['value'], stamp, body)}",
        }
        uri = row.uri
        with self.breaker.asking(product) as may_ask:
            if not may_ask:
                raise LegacyUnavailable("the old product has not answered lately")
            answer = self._post(product, uri, body, headers)
        if self.breaker.answered(product):
            self._note("legacy_login.answers", product)
        try:
            said = json.loads(answer.body) if answer.status == 200 else None
        except (ValueError, RecursionError) as error:
            raise LegacyUnavailable("the old product gave no answer that counts") from error
        valid = said.get("valid") if isinstance(said, dict) else None
        if not isinstance(valid, bool):
            raise LegacyUnavailable("the old product gave no answer that counts")
        return valid

    def _post(self, product: str, uri: str, body: bytes, headers: dict[str, str]) -> Response:
        """The product's answer; raises ``LegacyUnavailable``, and begins a pause if it is time."""
        if not self._slots.acquire(timeout=_WAIT_SECONDS):
            raise LegacyUnavailable("too many wait for the old product at the moment")
        try:
            return self._outbound.post_json(uri, body, headers)
        except (OutboundFailed, OutboundRefused) as error:
            if self.breaker.failed(product) is not None:
                self._note("legacy_login.silent", product)
            raise LegacyUnavailable("the old product cannot be asked at the moment") from error
        finally:
            self._slots.release()

    def _note(self, event: str, product: str) -> None:
        """Say once that a product has stopped to answer, or that it answers again."""
        log.warning(event, extra={"product": product})
        outcome = "failure" if event == "legacy_login.silent" else "success"
        with transaction():
            self._audit.record(
                event, category="operations", outcome=outcome, detail={"product": product}
            )

    def _record(self, event: str, actor: str, detail: dict[str, Any]) -> None:
        self._audit.record(event, category="clients", actor=actor, detail=detail)


def sign(secret: str, stamp: str, body: bytes) -> str:
    """The signature in hexadecimal digits."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
