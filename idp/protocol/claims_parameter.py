"""The ``claims`` request parameter (OIDC Core §5.5): parsed, bounded, reduced to what is known.

Unknown claims and members are ignored, as the specification wants; what is kept is a small value
that travels in the login transaction and the authorization code.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson

from idp.protocol.claims import SCOPE_OF_CLAIM

_MAX_VALUES = 20


class MalformedClaims(ValueError):
    """The parameter is not the JSON object it should be."""


@dataclass(frozen=True, slots=True)
class RequestedClaims:
    """What was asked for by name; ``acr_values`` empty means no particular one was asked for."""

    userinfo: tuple[str, ...] = ()
    id_token: tuple[str, ...] = ()
    acr_values: tuple[str, ...] = ()
    acr_essential: bool = False
    subject: str | None = None

    def scopes(self) -> set[str]:
        """The scopes that own these claims: consent is asked for them as if they were requested."""
        return {SCOPE_OF_CLAIM[n] for n in (*self.userinfo, *self.id_token) if n in SCOPE_OF_CLAIM}

    def within(self, scope: Collection[str]) -> "RequestedClaims":
        """Without the claims of scopes that the client may not have."""

        def allowed(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(name for name in names if SCOPE_OF_CLAIM.get(name, "openid") in scope)

        return RequestedClaims(
            allowed(self.userinfo),
            allowed(self.id_token),
            self.acr_values,
            self.acr_essential,
            self.subject,
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON, without what is empty."""
        found = {
            "userinfo": list(self.userinfo),
            "id_token": list(self.id_token),
            "acr_values": list(self.acr_values),
            "acr_essential": self.acr_essential,
            "subject": self.subject,
        }
        return {name: value for name, value in found.items() if value}

    @classmethod
    def from_dict(cls, stored: dict[str, Any] | None) -> "RequestedClaims":
        """The counterpart of :meth:`to_dict`."""
        if not stored:
            return NO_CLAIMS
        return cls(
            tuple(stored.get("userinfo", ())),
            tuple(stored.get("id_token", ())),
            tuple(stored.get("acr_values", ())),
            bool(stored.get("acr_essential")),
            stored.get("subject"),
        )


NO_CLAIMS = RequestedClaims()


def parse_claims(text: str) -> RequestedClaims:
    """Read the parameter; raises :class:`MalformedClaims`."""
    try:
        # orjson bounds the nesting depth itself, so hostile input cannot exhaust the stack.
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedClaims("not JSON") from error
    if not isinstance(parsed, dict):
        raise MalformedClaims("not an object")
    userinfo, id_token = _member(parsed, "userinfo"), _member(parsed, "id_token")
    acr = id_token.get("acr") or {}
    subject = (id_token.get("sub") or {}).get("value")
    return RequestedClaims(
        userinfo=_known(userinfo),
        id_token=_known(id_token),
        acr_values=_values(acr),
        acr_essential=acr.get("essential") is True,
        subject=subject if isinstance(subject, str) and len(subject) <= 255 else None,
    )


def _member(parsed: dict[str, Any], name: str) -> dict[str, dict[str, Any] | None]:
    member = parsed.get(name)
    if member is None:
        return {}
    if not isinstance(member, dict):
        raise MalformedClaims(f"{name} is not an object")
    for request in member.values():
        if request is not None and not isinstance(request, dict):
            raise MalformedClaims(f"a claim of {name} is neither null nor an object")
    return member


def _known(member: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in member if name in SCOPE_OF_CLAIM)


def _values(request: dict[str, Any]) -> tuple[str, ...]:
    """``value`` and ``values`` of one claim request (§5.5.1)."""
    values = request.get("values")
    found = [request.get("value"), *(values if isinstance(values, list) else ())]
    return tuple(v for v in found[:_MAX_VALUES] if isinstance(v, str) and 0 < len(v) <= 200)
