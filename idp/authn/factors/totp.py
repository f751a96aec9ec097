"""TOTP (RFC 6238): set up, check, refuse replay. The only user of pyotp.

One step (30 seconds) of clock drift is tolerated either way (§5.2, §6); a step that was used is
never accepted again: one mark in Redis that only one of many parallel tries can put, and beside it
the device's own last step, which only grows.
"""

import base64
from collections.abc import Sequence
from typing import Literal

import pyotp
from sqlalchemy import ColumnElement, bindparam, delete, or_, select, update

from idp.authn.models import TotpDevice
from idp.core.clock import Clock, epoch
from idp.core.randomness import Randomness, same
from idp.infra.database import db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.statements import Prepared, reading, writing

ISSUER = "Einlass"
_STEP_SECONDS = 30
_DRIFT = 1
_DIGITS = 6
_SECRET_BYTES = 20

Checked = Literal["right", "wrong", "used"]

_HELD = Prepared(
    select(TotpDevice.id, TotpDevice.secret, TotpDevice.last_used_step).where(
        TotpDevice.account_id == bindparam("account_id"), TotpDevice.confirmed_at.is_not(None)
    )
)
_USE = Prepared(
    update(TotpDevice)
    .where(
        TotpDevice.id == bindparam("device_id"),
        or_(TotpDevice.last_used_step.is_(None), TotpDevice.last_used_step < bindparam("step")),
    )
    .values(last_used_step=bindparam("step"))
)


class TotpService:
    """The authenticator apps of an account."""

    def __init__(self, store: EphemeralStore, clock: Clock, randomness: Randomness) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness

    def new_secret(self) -> str:
        """A key to set up: 160 bits in base32 (RFC 4226 §4, R6)."""
        return base64.b32encode(self._randomness.raw(_SECRET_BYTES)).decode("ascii")

    def enroll(
        self, account_id: str, secret: str, code: str, name: str = ""
    ) -> TotpDevice | Literal["wrong", "used"]:
        """Keep the key if the code proves that an app holds it; the code counts as used."""
        step = self._matching_step(secret, code)
        if step is None:
            return "wrong"
        if not self._mark(account_id, step):
            return "used"
        now = self._clock.now()
        device = TotpDevice(
            id=self._randomness.uuid(),
            account_id=account_id,
            name=name[:200],
            secret=secret,
            confirmed_at=now,
            last_used_step=step,
            created_at=now,
        )
        with transaction() as session:
            session.add(device)
        return device

    def check(self, account_id: str, code: str) -> Checked:
        """Whether the code is one of the account's now; ``right`` for one caller only."""
        outcome: Checked = "wrong"
        with reading() as connection:
            held = _HELD.all(connection, {"account_id": account_id})
        for device in held:
            step = self._matching_step(device["secret"], code)
            if step is None:
                continue
            last_used = device["last_used_step"]
            if (last_used is None or last_used < step) and self._use(
                account_id, device["id"], step
            ):
                return "right"
            outcome = "used"
        return outcome

    def devices(self, account_id: str) -> Sequence[TotpDevice]:
        """The account's confirmed apps, oldest first."""
        found = select(TotpDevice).where(
            TotpDevice.account_id == account_id, TotpDevice.confirmed_at.is_not(None)
        )
        return db.session.scalars(found.order_by(TotpDevice.created_at, TotpDevice.id)).all()

    def rename(self, account_id: str, device_id: str, name: str) -> bool:
        """Give one of the account's apps another name; False if it has none such."""
        with transaction() as session:
            renamed = session.execute(
                update(TotpDevice).where(*_own(account_id, device_id)).values(name=name[:200])
            )
            return bool(renamed.rowcount)  # type: ignore[attr-defined]

    def remove(self, account_id: str, device_id: str) -> bool:
        """Remove one of the account's apps; True for exactly one caller."""
        with transaction() as session:
            gone = session.execute(delete(TotpDevice).where(*_own(account_id, device_id)))
            return bool(gone.rowcount)  # type: ignore[attr-defined]

    def remove_all(self, account_id: str) -> int:
        """Remove the account's apps; how many there were."""
        with transaction() as session:
            gone = delete(TotpDevice).where(TotpDevice.account_id == account_id)
            return len(session.execute(gone.returning(TotpDevice.id)).all())

    def _matching_step(self, secret: str, code: str) -> int | None:
        """The step near now whose code this is."""
        code = "".join(code.split())
        if len(code) != _DIGITS or not (code.isascii() and code.isdigit()):
            return None
        totp = pyotp.TOTP(secret, digits=_DIGITS, interval=_STEP_SECONDS)
        now = epoch(self._clock.now()) // _STEP_SECONDS
        matching = None
        for step in range(now - _DRIFT, now + _DRIFT + 1):
            if same(totp.generate_otp(step), code):
                matching = step
        return matching

    def _use(self, account_id: str, device_id: str, step: int) -> bool:
        if not self._mark(account_id, step):
            return False
        with writing() as connection:
            return _USE.run(connection, {"device_id": device_id, "step": step}) == 1

    def _mark(self, account_id: str, step: int) -> bool:
        """Put the replay mark; True for the first only. It outlives the step's acceptance."""
        ttl = _STEP_SECONDS * (2 * _DRIFT + 2)
        return self._store.put(f"totp:{account_id}:{step}", b"1", ttl, only_new=True)


def _own(account_id: str, device_id: str) -> tuple[ColumnElement[bool], ...]:
    return TotpDevice.account_id == account_id, TotpDevice.id == device_id


def otpauth_uri(secret: str, email: str) -> str:
    """What the QR code says (the Key URI format that authenticator apps read)."""
    totp = pyotp.TOTP(secret, digits=_DIGITS, interval=_STEP_SECONDS)
    return totp.provisioning_uri(name=email, issuer_name=ISSUER)


def grouped(secret: str) -> str:
    """The key to type, in fours."""
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
