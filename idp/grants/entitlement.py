"""What one authorization entitles a client to, until when it was decided and how it was proven.

The same value stands behind an authorization code and behind a family of refresh tokens; the tokens
of either are made from it. ``subject`` is the person's own, whatever ``sub`` the client sees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp.core.clock import from_epoch


@dataclass(frozen=True, slots=True)
class Entitlement:
    """``family`` is the random id of the authorization; ``claims`` what was asked for by name."""

    family: str
    client_id: str
    subject: str
    account_id: str
    tenant_id: str | None
    sid: str
    scope: tuple[str, ...]
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    created_at: datetime
    claims: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "family": self.family,
            "client_id": self.client_id,
            "subject": self.subject,
            "account_id": self.account_id,
            "tenant_id": self.tenant_id,
            "sid": self.sid,
            "scope": self.scope,
            "auth_time": self.auth_time.timestamp(),
            "acr": self.acr,
            "amr": self.amr,
            "created_at": self.created_at.timestamp(),
            "claims": self.claims,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Entitlement":
        """The counterpart of :meth:`to_dict`."""
        return cls(
            family=stored["family"],
            client_id=stored["client_id"],
            subject=stored["subject"],
            account_id=stored["account_id"],
            tenant_id=stored["tenant_id"],
            sid=stored["sid"],
            scope=tuple(stored["scope"]),
            auth_time=from_epoch(stored["auth_time"]),
            acr=stored["acr"],
            amr=tuple(stored["amr"]),
            created_at=from_epoch(stored["created_at"]),
            claims=stored["claims"],
        )
