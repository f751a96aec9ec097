"""The one place where what is set up for an account is deleted, kind by kind.

Called by ``authn.factors.checking`` and by ``people`` for an admin's reset (M9), a recovery case
(M10) and a sign-in that was not the person's (S8). The caller audits, mails and ends the sessions.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import delete

from idp.authn.models import (
    CodeDestination,
    RecoveryCode,
    RememberedDevice,
    TotpDevice,
    WebauthnCredential,
)
from idp.infra.database import Base, transaction

_ROWS: tuple[tuple[str, type[Base]], ...] = (
    ("webauthn", WebauthnCredential),
    ("totp", TotpDevice),
    ("destinations", CodeDestination),
    ("recovery_codes", RecoveryCode),
    ("remembered_devices", RememberedDevice),
)


def forget_factors(account_id: str, *, since: datetime | None = None) -> dict[str, int]:
    """Delete every second factor, recovery code and remembered device; how many of each kind.

    ``since``: only what was set up then or later; remembered devices go in any case.
    """
    gone: dict[str, int] = {}
    with transaction() as session:
        for kind, model in _ROWS:
            rows: Any = model
            statement = delete(model).where(rows.account_id == account_id)
            if since is not None and model is not RememberedDevice:
                statement = statement.where(rows.created_at >= since)
            count = session.execute(statement).rowcount  # type: ignore[attr-defined]
            if count:
                gone[kind] = count
    return gone
