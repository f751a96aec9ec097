"""The frozen value that a checked authorization request becomes (OIDC Core §3.1.2.1).

Made by ``authorization_request.check_authorization_request``; read by ``interaction.decide`` and by
whatever answers. Between the two it may wait in the login transaction, as plain JSON.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from idp.protocol.claims_parameter import NO_CLAIMS, RequestedClaims
from idp.protocol.errors import ResponseTarget


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that passed every check. Travels as JSON in the login transaction.

    ``scope`` holds what this client may have of what it asked for; ``acr_level`` is the weakest
    level that will do; ``max_age`` includes the client's default. ``first_party``, ``product`` and
    ``tenant_bound`` are the client's, so that deciding needs nothing else.
    """

    client_id: str
    redirect_uri: str
    response_type: str
    response_mode: str
    scope: tuple[str, ...]
    received_at: datetime
    state: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    acr_level: int = 1
    acr_values: tuple[str, ...] = ()
    claims: RequestedClaims = NO_CLAIMS
    login_hint: str | None = None
    tenant: str | None = None
    hinted_subject: str | None = None
    hint_broken: bool = False
    ui_locales: tuple[str, ...] = ()
    first_party: bool = False
    product: str | None = None
    tenant_bound: str | None = None

    @property
    def target(self) -> ResponseTarget:
        """Where the answer goes."""
        return ResponseTarget(self.redirect_uri, self.response_mode, self.state)

    @property
    def not_before(self) -> datetime | None:
        """The moment a sign-in must not be older than.

        ``max_age`` counts back from when the request came, not from now: otherwise a person who
        reads the consent page for longer than ``max_age`` would be asked again and again.
        """
        if "login" in self.prompt:
            return self.received_at
        if self.max_age is None:
            return None
        return self.received_at - timedelta(seconds=self.max_age)

    @property
    def consent_scope(self) -> tuple[str, ...]:
        """What has to be allowed: the scopes, and those that own a claim asked for by name."""
        return tuple(dict.fromkeys((*self.scope, *sorted(self.claims.scopes()))))

    def after_login(self) -> "AuthorizationRequest":
        """Once the hosted login has finished: the account was chosen there."""
        return replace(self, prompt=tuple(p for p in self.prompt if p != "select_account"))

    def after_consent(self) -> "AuthorizationRequest":
        """Once the person has pressed "allow" for this very request."""
        return replace(self, prompt=tuple(p for p in self.prompt if p != "consent"))

    def at_least(self, acr_level: int) -> "AuthorizationRequest":
        """The same request asking for no less than this level."""
        return replace(self, acr_level=max(self.acr_level, acr_level))

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON, without what is empty."""
        found: dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if value is None or value == () or value is False or value is NO_CLAIMS:
                continue
            if isinstance(value, RequestedClaims):
                value = value.to_dict()
            elif isinstance(value, tuple):
                value = list(value)
            elif isinstance(value, datetime):
                value = value.timestamp()
            found[name] = value
        return found

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "AuthorizationRequest":
        """The counterpart of :meth:`to_dict`; what another release added is passed over."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in stored.items()
            if name in cls.__slots__
        }
        values["received_at"] = datetime.fromtimestamp(stored["received_at"], UTC)
        values["claims"] = RequestedClaims.from_dict(stored.get("claims"))
        return cls(**values)
