"""Access tokens of the command line for the management API: issued, and ended before their time.

They are made for a client id that the registry cannot hold, so that nobody can fetch or introspect
them as a client; bound to one company or good for the platform. Every one is audited.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.core.clock import Clock
from idp.core.vocabulary import COMMAND_LINE_CLIENT, MANAGEMENT_SCOPES, ManagementScope
from idp.grants.access_tokens import family_of
from idp.grants.service import Grants
from idp.infra.audit import Audit
from idp.infra.database import transaction
from idp.infra.keyring import InvalidToken

LONGEST = 24 * 60
"""Minutes that one lives at most."""


class InvalidScope(ValueError):
    """None of the API's, or one that a company's token cannot have."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, shown this once; ``id`` ends it as well."""

    token: str
    id: str
    scope: str
    expires_at: datetime


class ManagementTokens:
    """Issues and ends them."""

    def __init__(self, clock: Clock, grants: Grants, audit: Audit) -> None:
        self._clock = clock
        self._grants = grants
        self._audit = audit

    def issue(
        self,
        scope: Iterable[str],
        minutes: int,
        *,
        tenant_id: str | None = None,
        customer_number: str | None = None,
        actor: str,
    ) -> Issued:
        """A new token, for a company or for the platform; raises ``InvalidScope``."""
        names = tuple(dict.fromkeys(scope))
        if unknown := set(names) - set(MANAGEMENT_SCOPES):
            raise InvalidScope(f"no scope of the management API: {', '.join(sorted(unknown))}")
        if tenant_id is not None and ManagementScope.OPERATOR in names:
            raise InvalidScope(f"{ManagementScope.OPERATOR} is for the whole platform")
        if not names or not 1 <= minutes <= LONGEST:
            raise InvalidScope(f"name a scope, and 1 to {LONGEST} minutes")
        family = self._grants.codes.new_family()
        joined = " ".join(names)
        with transaction():
            self._audit.record(
                "token.issued",
                category="security",
                tenant_id=tenant_id,
                actor=actor,
                detail={"token": family, "scope": joined, "minutes": minutes},
            )
        token = self._grants.access_tokens.issue(
            subject=COMMAND_LINE_CLIENT,
            client_id=COMMAND_LINE_CLIENT,
            scope=joined,
            family=family,
            extra={"tenant": customer_number} if customer_number else {},
            lifetime=minutes * 60,
        )
        return Issued(token, family, joined, self._clock.now() + timedelta(minutes=minutes))

    def revoke(self, token_or_id: str, *, actor: str) -> str:
        """End one, given itself or its id; its id. Ending it again does no harm.

        Raises ``InvalidToken`` for a token that is none of these, or has expired.
        """
        family = token_or_id
        if token_or_id.count(".") == 2:
            claims = self._grants.access_tokens.read(token_or_id)
            if claims["client_id"] != COMMAND_LINE_CLIENT:
                raise InvalidToken("not one of these tokens")
            family = family_of(claims)
        elif not 16 <= len(token_or_id) <= 64 or not token_or_id.isascii():
            raise InvalidToken("neither a token nor the id of one")
        self._grants.endings.mark(family, seconds=LONGEST * 60)
        with transaction():
            self._audit.record(
                "token.revoked", category="security", actor=actor, detail={"token": family}
            )
        return family
