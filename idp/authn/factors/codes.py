"""Codes that are no TOTP: recovery codes (M4) and codes that are sent. Each counts once.

Recovery codes are random, so their digests suffice and the conditional UPDATE that uses one up is
the check. A sent code has six digits only, so it is kept as a keyed digest, dies at the fifth
wrong try and is used up by an atomic take (NIST SP 800-63B-4 §3.1.3, §3.2.2).
"""

import hmac
from typing import Literal

from sqlalchemy import delete, func, select, update

from idp.authn.models import RecoveryCode
from idp.core.clock import Clock
from idp.core.randomness import Randomness, digest, same
from idp.infra.database import db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.sealing import Sealer

RECOVERY_CODES = 10
_GROUPS, _GROUP_LENGTH = 2, 5
_DIGITS = 6
_TRIES = 5
_MAC = 32
_MAIL_SENDS = 5
_MAIL_PAUSE = 60
_HOUR = 3600
_DAY = 86400

Checked = Literal["right", "wrong", "expired"]


class RecoveryCodeService:
    """Ten codes per account, single use, replaced as a whole."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness

    def renew(self, account_id: str) -> tuple[str, ...]:
        """Ten new codes, told once; the old ones are dead."""
        codes: dict[str, None] = {}
        while len(codes) < RECOVERY_CODES:
            codes[self._randomness.code(_GROUPS, _GROUP_LENGTH)] = None
        now = self._clock.now()
        with transaction() as session:
            self.remove_all(account_id)
            session.add_all(
                RecoveryCode(
                    id=self._randomness.uuid(),
                    account_id=account_id,
                    digest=digest(_plain(code)),
                    created_at=now,
                )
                for code in codes
            )
        return tuple(codes)

    def use(self, account_id: str, code: str) -> bool:
        """Use one up; True for exactly one caller."""
        if not looks_like_recovery_code(code):
            return False
        with transaction() as session:
            used = session.execute(
                update(RecoveryCode)
                .where(
                    RecoveryCode.account_id == account_id,
                    RecoveryCode.digest == digest(_plain(code)),
                    RecoveryCode.used_at.is_(None),
                )
                .values(used_at=self._clock.now())
                .returning(RecoveryCode.id)
            )
            return used.first() is not None

    def left(self, account_id: str) -> int:
        """How many are unused."""
        unused = select(func.count()).where(
            RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None)
        )
        return db.session.scalar(unused) or 0

    def remove_all(self, account_id: str) -> None:
        """Remove the account's codes."""
        with transaction() as session:
            session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))


def looks_like_recovery_code(code: str) -> bool:
    """Whether it has a recovery code's length: ten characters, blanks and hyphens aside."""
    return len(_plain(code)) == _GROUPS * _GROUP_LENGTH


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()


class DigitCodes:
    """Six digits each; ``of`` names what a code is for. ``kind`` keeps those of one use apart."""

    def __init__(
        self, kind: str, store: EphemeralStore, randomness: Randomness, sealer: Sealer
    ) -> None:
        self._kind = kind
        self._store = store
        self._randomness = randomness
        self._sealer = sealer
        self._key = sealer.derive(f"digit-codes/{kind}")

    def issue(self, of: str, lifetime: int, to: str = "") -> str:
        """A new code for so many seconds; the one before is dead. ``to``: where it is sent."""
        code = self._randomness.digits(_DIGITS)
        kept = self._mac(of, code) + (self._sealer.seal(to.encode(), self._at(of)) if to else b"")
        self._store.delete(self._tries(of))
        self._store.put(self._at(of), kept, lifetime)
        return code

    def is_pending(self, of: str) -> bool:
        """Whether a code was issued that still counts."""
        return self._store.get(self._at(of)) is not None

    def sent_to(self, of: str) -> str:
        """Where the code is sent that still counts; empty where there is none."""
        kept = self._store.get(self._at(of))
        return self._to(of, kept) if kept else ""

    def check(self, of: str, code: str, to: str = "") -> Checked:
        """Use the code up: ``right`` for one caller; ``expired`` also after too many tries.

        Given ``to``, only a code that was sent there counts.
        """
        kept = self._store.get(self._at(of))
        if kept is None or (to and not same(self._to(of, kept), to)):
            return "expired"
        # Counted before it is compared, so that parallel guesses are counted too. The count lives
        # longer than the code; to delete that here could take it from somebody who was just right.
        if self._store.increment(self._tries(of), _DAY) > _TRIES:
            return "expired"
        if not same(kept[:_MAC], self._mac(of, "".join(code.split()))):
            return "wrong"
        return "right" if self._store.take(self._at(of)) == kept else "expired"

    def _at(self, of: str) -> str:
        return f"{self._kind}:{of}"

    def _tries(self, of: str) -> str:
        return f"{self._kind}-tries:{of}"

    def _to(self, of: str, kept: bytes) -> str:
        sealed = kept[_MAC:]
        return self._sealer.unseal(sealed, self._at(of)).decode() if sealed else ""

    def _mac(self, of: str, code: str) -> bytes:
        return hmac.digest(self._key, f"{of}:{code}".encode("utf-8", "surrogatepass"), "sha256")


class ResendTooSoon(Exception):
    """A code was sent a moment ago, or too often within the hour."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("a code was sent a moment ago")
        self.retry_after = retry_after


class MailCodes:
    """Codes that prove that an address is somebody's, before there is an account."""

    def __init__(
        self, store: EphemeralStore, randomness: Randomness, sealer: Sealer, lifetime: int
    ) -> None:
        self._store = store
        self._codes = DigitCodes("mailcode", store, randomness, sealer)
        self._lifetime = lifetime

    def issue(self, of: str, to: str = "") -> str:
        """A new code; the one before is dead. Raises ``ResendTooSoon``.

        ``to`` is whom it is mailed to: however many purposes there are, an address gets few mails
        and its codes bear few guesses.
        """
        if not self._store.put(f"mailcode-pause:{of}", b"1", _MAIL_PAUSE, only_new=True):
            raise ResendTooSoon(_MAIL_PAUSE)
        sends = f"mailcode-sends:{digest(to) if to else of}"
        if self._store.increment(sends, _HOUR) > _MAIL_SENDS:
            raise ResendTooSoon(_HOUR)
        return self._codes.issue(of, self._lifetime)

    def is_pending(self, of: str) -> bool:
        """Whether a code was issued that still counts."""
        return self._codes.is_pending(of)

    def check(self, of: str, code: str) -> Checked:
        """Use the code up: ``right`` for one caller; ``expired`` also after too many tries."""
        return self._codes.check(of, code)
