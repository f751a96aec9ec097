"""Each use of a passkey, noted in one statement that also sees a copy of its key.

A counter that did not grow means that the key, or an old state of it, may exist twice (WebAuthn
Level 3 §6.1.1, §7.2): the passkey is withdrawn, audited, and its owner is told, once. Keys that
do not count stay at zero.
"""

from collections.abc import Callable

from sqlalchemy import or_, update

from idp.accounts.models import Account
from idp.authn.factors.webauthn import Assertion
from idp.authn.models import WebauthnCredential
from idp.core.clock import Clock
from idp.core.vocabulary import Factor
from idp.infra.audit import Audit
from idp.infra.database import after_commit, db, transaction
from idp.infra.outbox import Outbox
from idp.settings import Settings


class PasskeyUses:
    """Notes uses."""

    def __init__(self, settings: Settings, clock: Clock, audit: Audit, outbox: Outbox) -> None:
        self._issuer = settings.issuer
        self._clock = clock
        self._audit = audit
        self._outbox = outbox
        self.on_changed: list[Callable[[str], object]] = []

    def note(self, row: WebauthnCredential, signed: Assertion, *, ip: str) -> bool:
        """Note the use; False if the counter did not grow, now or before: the key is withdrawn."""
        column = WebauthnCredential
        grown = or_(
            column.sign_count < signed.sign_count,
            (column.sign_count == 0) & (signed.sign_count == 0),
        )
        now = self._clock.now()
        with transaction() as session:
            used = session.execute(
                update(column)
                .where(column.id == row.id, column.counter_regressed_at.is_(None), grown)
                .values(
                    sign_count=signed.sign_count,
                    backed_up=signed.backed_up,
                    last_used_at=now,
                )
                .returning(column.id)
            ).first()
            if used is not None:
                return True
            withdrawn = session.execute(
                update(column)
                .where(column.id == row.id, column.counter_regressed_at.is_(None))
                .values(counter_regressed_at=now)
                .returning(column.id)
            ).first()
            if withdrawn is not None:
                self._report_copy(row, signed, ip)
        return False

    def record_failure(self, account_id: str, reason: str, ip: str) -> None:
        """Audit a sign-in that this account's passkey, or one given for it, did not make."""
        account = db.session.get(Account, account_id)
        if account is None:
            return
        with transaction():
            self._audit.record(
                "sign_in.failed",
                category="sign-in",
                actor=account.subject,
                subject=account.subject,
                ip=ip,
                outcome="failure",
                detail={"factor": Factor.WEBAUTHN, "reason": reason},
            )

    def _report_copy(self, row: WebauthnCredential, signed: Assertion, ip: str) -> None:
        account = db.session.get_one(Account, row.account_id)
        self._audit.record(
            "passkey.counter_regressed",
            category="factors",
            actor=account.subject,
            subject=account.subject,
            ip=ip,
            outcome="failure",
            detail={"passkey": row.id, "counter": signed.sign_count, "known": row.sign_count},
        )
        context = {
            "given_name": account.given_name or "",
            "passkey_name": row.name,
            "link": f"{self._issuer}/account",
            "ip": ip,
        }
        self._outbox.mail(account.email, "passkey-copied", account.locale, context)
        self._announce(account.subject)
        after_commit(lambda: self._announce(account.subject))

    def _announce(self, subject: str) -> None:
        for hook in self.on_changed:
            hook(subject)
