"""Which claims a client gets to see, and where: by scope, by the ``claims`` parameter, by company.

Pure functions over a :class:`~idp.core.person.Person`. Scope claims go to userinfo; the ID token
holds only what every ID token holds, what was asked for by name, and the company where scope
``tenant`` was granted (OIDC Core §5.4, §5.5). Claims without a value are left out.
"""

import base64
import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from idp.core.person import Person, PersonMembership

CLAIMS_OF_SCOPE: Mapping[str, tuple[str, ...]] = {
    "profile": (
        "name",
        "family_name",
        "given_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
    "tenant": ("tenant", "tenant_name", "roles", "permissions"),
}
"""OIDC Core §5.4; ``tenant`` is ours: the company the person is signed in for, and their rights."""

SCOPE_OF_CLAIM: Mapping[str, str] = {
    claim: scope for scope, claims in CLAIMS_OF_SCOPE.items() for claim in claims
}
TENANT_CLAIMS = frozenset(CLAIMS_OF_SCOPE["tenant"])
CLAIMS_SUPPORTED = ("sub", "acr", "amr", "auth_time", "sid", *SCOPE_OF_CLAIM)

_HASH_OF_ALG = {"RS256": "sha256", "PS256": "sha256", "ES256": "sha256", "EdDSA": "sha512"}


def subject_for(client_id: str, person: Person) -> str:
    """The ``sub`` this client sees; public subjects only, so it is the person's own (§8)."""
    return person.subject


def tenant_claims(membership: PersonMembership | None) -> dict[str, Any]:
    """The chosen company and what the person may do for it."""
    if membership is None:
        return {}
    return {
        "tenant": membership.customer_number,
        "tenant_name": membership.tenant_name,
        "roles": [membership.role],
        "permissions": list(membership.permissions),
    }


def person_claims(
    person: Person, membership: PersonMembership | None, names: Iterable[str]
) -> dict[str, Any]:
    """The named claims as far as they have a value."""
    values: dict[str, Any] = {}
    company: dict[str, Any] | None = None
    for name in names:
        if name in TENANT_CLAIMS:
            if company is None:
                company = tenant_claims(membership)
            value = company.get(name)
        else:
            value = person.claims.get(name)
        if value is not None and value not in ("", {}):
            values[name] = value
    return values


def names_for_userinfo(scope: Collection[str], requested: Iterable[str]) -> list[str]:
    """The claims userinfo releases for a scope and the ``claims`` parameter's userinfo member."""
    names: dict[str, None] = {}
    for token in scope:
        names.update(dict.fromkeys(CLAIMS_OF_SCOPE.get(token, ())))
    names.update(dict.fromkeys(requested))
    return list(names)


def names_for_id_token(scope: Collection[str], requested: Iterable[str]) -> list[str]:
    """The person's claims an ID token of the code flow holds (§5.4: scope claims stay outside)."""
    names: dict[str, None] = {}
    if "tenant" in scope:
        names.update(dict.fromkeys(CLAIMS_OF_SCOPE["tenant"]))
    names.update(dict.fromkeys(name for name in requested if name in SCOPE_OF_CLAIM))
    return list(names)


def half_hash(value: str, alg: str) -> str:
    """``at_hash`` and its kin: the left half of the algorithm's own hash (§3.1.3.6)."""
    hashed = hashlib.new(_HASH_OF_ALG[alg], value.encode("ascii")).digest()
    return base64.urlsafe_b64encode(hashed[: len(hashed) // 2]).rstrip(b"=").decode("ascii")
