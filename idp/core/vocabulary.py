"""Words shared by every layer: acr and amr values, factors, scopes, and the two values that cross
between signing in (``authn``) and the protocol (``protocol``).

``LoginNeeded`` goes from the protocol to the hosted login; ``Authentication`` comes back
(OIDC Core §2 for ``auth_time``, ``acr`` and ``amr``; RFC 8176 for the amr values).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

ACR_SINGLE = "urn:einlass:acr:1fa"
"""One factor was proven."""
ACR_MULTI = "urn:einlass:acr:2fa"
"""Two factors of different kinds were proven in this session."""
ACR_PHISHING_RESISTANT = "phr"
"""Two factors, one of them bound to our address: a passkey or security key (EAP ACR Values 1.0)."""

ACR_LEVEL = {ACR_SINGLE: 1, ACR_MULTI: 2, ACR_PHISHING_RESISTANT: 3}
ACRS_SUPPORTED = (ACR_SINGLE, ACR_MULTI, ACR_PHISHING_RESISTANT)
"""What a sign-in can reach, hence what discovery promises, weakest first."""


class Factor(StrEnum):
    """Something an account proves itself with."""

    PASSWORD = "password"
    TOTP = "totp"
    WEBAUTHN = "webauthn"
    SMS = "sms"
    VOICE = "voice"
    EMAIL = "email"
    RECOVERY_CODE = "recovery_code"


SECOND_FACTORS = frozenset(Factor) - {Factor.PASSWORD, Factor.RECOVERY_CODE}
"""Factors a person can enrol as their second one; recovery codes only stand in for them."""
PREFERENCE = (
    Factor.WEBAUTHN,
    Factor.TOTP,
    Factor.SMS,
    Factor.VOICE,
    Factor.EMAIL,
    Factor.RECOVERY_CODE,
)
"""Which second factor is asked for or offered first: the harder to get past, the earlier."""
SENT_FACTORS = frozenset({Factor.SMS, Factor.VOICE, Factor.EMAIL})
"""Factors whose code we send; each try costs a message."""
PHISHING_RESISTANT = frozenset({Factor.WEBAUTHN})
"""Factors that answer our address only."""

AMR = {
    Factor.PASSWORD: "pwd",
    Factor.TOTP: "otp",
    Factor.WEBAUTHN: "hwk",
    Factor.SMS: "sms",
    Factor.VOICE: "tel",
    Factor.EMAIL: "email",
    Factor.RECOVERY_CODE: "otp",
}
"""RFC 8176 §2, but for ``email``, which it lacks; ``mfa`` is added when two kinds were proven."""

SCOPES_SUPPORTED = ("openid", "profile", "email", "address", "phone", "offline_access", "tenant")
"""``tenant`` asks for the company the person is signed in for, their roles and permissions."""


class ManagementScope(StrEnum):
    """What a token of the management API may do; only registered where an operator allowed it."""

    COMPANY_READ = "einlass:company.read"
    COMPANY_WRITE = "einlass:company.write"
    PEOPLE_READ = "einlass:people.read"
    PEOPLE_WRITE = "einlass:people.write"
    POLICY_READ = "einlass:policy.read"
    POLICY_WRITE = "einlass:policy.write"
    CLIENTS_READ = "einlass:clients.read"
    CLIENTS_WRITE = "einlass:clients.write"
    LOG_READ = "einlass:log.read"
    IMPORTS_WRITE = "einlass:imports.write"
    ACTIVATION_READ = "einlass:activation.read"
    ACTIVATION_WRITE = "einlass:activation.write"
    OPERATOR = "einlass:operator"


MANAGEMENT_PREFIX = "einlass:"
"""No other scope begins so, registered or not."""
MANAGEMENT_SCOPES = tuple(str(scope) for scope in ManagementScope)
COMMAND_LINE_CLIENT = "einlass:cli"
"""The client id in tokens of ``idp token issue``; no registered one can have a colon."""


def amr_of(
    factors: Iterable[Factor], *, verified: bool = False, synced: bool = False
) -> tuple[str, ...]:
    """The amr values for the factors proven, in a stable order.

    ``verified``: the passkey has checked its holder itself (PIN, finger, face), so it stands for
    two kinds; ``synced``: its key may be on several devices, hence ``swk`` and not ``hwk``.
    """
    proven = set(factors)
    values = dict.fromkeys(AMR[factor] for factor in Factor if factor in proven)
    if Factor.WEBAUTHN in proven and synced:
        values = dict.fromkeys("swk" if value == "hwk" else value for value in values)
    if (Factor.PASSWORD in proven and len(proven) > 1) or (Factor.WEBAUTHN in proven and verified):
        values["mfa"] = None
    return tuple(values)


@dataclass(frozen=True, slots=True)
class LoginNeeded:
    """What an authorization request (or one of our own pages) asks of a sign-in.

    ``acr_level`` is the weakest level that will do; ``not_before`` is set by ``prompt=login``:
    every proof must be at least that young. ``tenant_bound`` is the id of the tenant whose own
    client asks; ``tenant_hint`` a customer number the request preselects.
    """

    acr_level: int = 1
    acr_values: tuple[str, ...] = ()
    max_age: int | None = None
    not_before: datetime | None = None
    login_hint: str | None = None
    tenant_hint: str | None = None
    id_token_hint_subject: str | None = None
    select_account: bool = False
    client_id: str | None = None
    product: str | None = None
    tenant_bound: str | None = None
    ui_locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Authentication:
    """A finished sign-in that satisfies everything asked of it."""

    subject: str
    account_id: str
    tenant_id: str | None
    customer_number: str | None
    sid: str
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
