"""What a lock or a removal of a member would end for good, counted before it happens (T4, P2)."""

from datetime import datetime

from sqlalchemy import func, or_, select

from idp.accounts.models import AppPassword
from idp.infra.database import db


def count_app_passwords(tenant_id: str, account_id: str, now: datetime) -> int:
    """The account's application passwords for that company that still work."""
    query = select(func.count()).where(
        AppPassword.account_id == account_id,
        AppPassword.tenant_id == tenant_id,
        AppPassword.revoked_at.is_(None),
        or_(AppPassword.expires_at.is_(None), AppPassword.expires_at > now),
    )
    return db.session.scalar(query) or 0
