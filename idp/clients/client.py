"""A registered client as everything but the registry sees it: one frozen value under wire names."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from idp.clients.redirect_uris import match_redirect_uri

SECRET_METHODS = frozenset({"client_secret_basic", "client_secret_post"})


@dataclass(frozen=True, slots=True)
class Client:
    """Every metadata member (RFC 7591 §2 names), and the digests of its valid secrets."""

    id: str
    client_id: str
    client_name: str
    tenant_id: str | None
    first_party: bool
    product: str | None
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    response_types: tuple[str, ...]
    application_type: str
    scope: str
    token_endpoint_auth_method: str
    token_endpoint_auth_signing_alg: str | None
    jwks: dict[str, Any] | None
    jwks_uri: str | None
    id_token_signed_response_alg: str
    userinfo_signed_response_alg: str | None
    subject_type: str
    backchannel_logout_uri: str | None
    backchannel_logout_session_required: bool
    frontchannel_logout_uri: str | None
    initiate_login_uri: str | None
    logo_uri: str | None
    policy_uri: str | None
    tos_uri: str | None
    client_uri: str | None
    contacts: tuple[str, ...]
    default_max_age: int | None
    require_auth_time: bool
    minimum_acr: str | None
    require_pkce: bool
    refresh_grace: int
    created_at: datetime
    created_by: str | None
    disabled_at: datetime | None
    secrets: tuple[tuple[str, datetime | None], ...] = field(default=(), repr=False)

    @property
    def is_public(self) -> bool:
        """Whether it cannot keep a secret, so proves itself by PKCE alone (RFC 6749 §2.1)."""
        return self.token_endpoint_auth_method == "none"

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scope values it may ask for."""
        return tuple(self.scope.split())

    def has_redirect_uri(self, presented: str) -> bool:
        """Whether the presented URI is one of the registered ones."""
        return self._matches(self.redirect_uris, presented)

    def has_post_logout_redirect_uri(self, presented: str) -> bool:
        """The same for RP-Initiated Logout §3."""
        return self._matches(self.post_logout_redirect_uris, presented)

    def _matches(self, registered: tuple[str, ...], presented: str) -> bool:
        free_port = self.is_public or self.application_type == "native"
        return any(
            match_redirect_uri(uri, presented, any_loopback_port=free_port) for uri in registered
        )

    def metadata(self) -> dict[str, Any]:
        """Its metadata as JSON would carry it, without secrets and what is empty."""
        hidden = {"id", "secrets", "created_at", "created_by", "disabled_at"}
        values = {
            item.name: getattr(self, item.name) for item in fields(self) if item.name not in hidden
        }
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }
