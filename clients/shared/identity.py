"""Who is signed in, for which company, with which rights and how strongly.

The claims of the ID token say how a person signed in (OIDC Core §2); userinfo, which is fresher,
says who they are and what they may do (§5.3). The two are only joined for one and the same
``sub`` (§5.3.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clients.shared.config import StepUp

ACR_RANK = {"urn:einlass:acr:1fa": 1, "urn:einlass:acr:2fa": 2, "phr": 3, "phrh": 3}
"""Weakest first; a value that is not listed here counts for nothing."""

CLOCK_LEEWAY = 10
"""Seconds by which provider and product may disagree about now."""

SIGN_IN_CLAIMS = ("iss", "sub", "sid", "acr", "amr", "auth_time")


@dataclass(frozen=True, slots=True)
class Identity:
    """The signed-in person as this product sees them."""

    subject: str
    sid: str | None
    name: str
    given_name: str
    email: str
    locale: str
    tenant: str | None
    tenant_name: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    acr: str
    amr: tuple[str, ...]
    auth_time: int | None

    @property
    def is_admin(self) -> bool:
        return "admin" in self.roles

    @property
    def two_factors(self) -> bool:
        return ACR_RANK.get(self.acr, 0) >= 2

    def may(self, permission: str | None) -> bool:
        """Whether a permission was granted; None asks for nothing."""
        return permission is None or permission in self.permissions

    def satisfies(self, rule: StepUp | None, now: int) -> bool:
        """Whether this sign-in is strong and recent enough (OIDC Core §3.1.2.1, RFC 9470 §4)."""
        if rule is None:
            return True
        strong = ACR_RANK.get(self.acr, 0) >= ACR_RANK.get(rule.acr, max(ACR_RANK.values()) + 1)
        if self.auth_time is None or self.auth_time > now + CLOCK_LEEWAY:
            return False
        return strong and now - self.auth_time <= rule.max_age + CLOCK_LEEWAY

    def signed_in_since(self, moment: int) -> bool:
        """Whether the person proved themselves after that moment."""
        return self.auth_time is not None and self.auth_time >= moment - CLOCK_LEEWAY


def join_claims(id_token: Mapping[str, Any], userinfo: Mapping[str, Any]) -> dict[str, Any]:
    """Userinfo over the ID token, except for what only the ID token may say."""
    if not id_token.get("sub") or userinfo.get("sub") != id_token["sub"]:
        raise ValueError("userinfo is about somebody else")
    claims = {**id_token, **userinfo}
    for name in SIGN_IN_CLAIMS:
        claims.pop(name, None)
        if name in id_token:
            claims[name] = id_token[name]
    return claims


def identity_of(claims: Mapping[str, Any]) -> Identity:
    """The typed view of joined claims; what is missing or of a wrong type is empty."""
    auth_time = claims.get("auth_time")
    email = _text(claims, "email")
    return Identity(
        subject=_text(claims, "sub"),
        sid=_text(claims, "sid") or None,
        name=_text(claims, "name") or email,
        given_name=_text(claims, "given_name") or _text(claims, "name") or email,
        email=email,
        locale=_text(claims, "locale"),
        tenant=_text(claims, "tenant") or None,
        tenant_name=_text(claims, "tenant_name"),
        roles=_texts(claims, "roles"),
        permissions=frozenset(_texts(claims, "permissions")),
        acr=_text(claims, "acr"),
        amr=_texts(claims, "amr"),
        auth_time=int(auth_time) if isinstance(auth_time, int | float) else None,
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _texts(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = claims.get(name)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
