"""The MFA policy of a tenant: whom it binds, which factors count, and when it falls due.

Pure functions, but for the SQL condition that says the same as ``is_bound``. What a policy means
for one sign-in is decided in ``authn.steps``; what a change of it would do is
``people.rollout.forecast``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast, get_args

from sqlalchemy import ColumnElement, or_, true

from idp.core.person import MfaMode, Policy
from idp.core.vocabulary import ACR_LEVEL, PHISHING_RESISTANT, SECOND_FACTORS, Factor
from idp.tenants.models import Membership

MODES: tuple[MfaMode, ...] = get_args(MfaMode)
MAX_DAYS = 90
MAX_CLIENT_MINIMUMS = 200
"""Clients that one company can demand more for."""
_STRONGEST = max(ACR_LEVEL.values())


class InvalidPolicy(ValueError):
    """A policy that cannot be; ``code`` is what to translate, ``field`` the form's name of it."""

    def __init__(self, field: str, code: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.code = code


def build_policy(
    current: Policy,
    *,
    mfa: str | None = None,
    factors: Iterable[str] | None = None,
    phishing_resistant_only: bool | None = None,
    grace_days: int | None = None,
    remember_days: int | None = None,
    client_minimums: Mapping[str, int] | None = None,
    available: frozenset[Factor] = SECOND_FACTORS,
    changed_at: datetime | None = None,
) -> Policy:
    """The current policy with what is given replaced; raises ``InvalidPolicy``.

    ``available`` are the second factors of this installation: one of them must count, or the policy
    would lock everybody out. ``changed_at`` is taken over only where something did change.
    """
    mode = current.mfa if mfa is None else mfa
    if mode not in MODES:
        raise InvalidPolicy("mfa", "mode-invalid", f"mfa must be one of {', '.join(MODES)}")
    days = {
        "grace_days": current.grace_days if grace_days is None else grace_days,
        "remember_days": current.remember_days if remember_days is None else remember_days,
    }
    for name, value in days.items():
        if isinstance(value, bool) or not 0 <= value <= MAX_DAYS:
            code = name.replace("_", "-") + "-invalid"
            raise InvalidPolicy(name, code, f"{name} must be a number from 0 to {MAX_DAYS}")
    if phishing_resistant_only is None:
        phishing_resistant_only = current.phishing_resistant_only
    policy = replace(
        current,
        mfa=mode,
        factors=current.factors if factors is None else _factors(factors),
        phishing_resistant_only=phishing_resistant_only,
        grace_days=days["grace_days"],
        remember_days=days["remember_days"],
        client_minimums=(
            current.client_minimums
            if client_minimums is None
            else _client_minimums(client_minimums, available)
        ),
    )
    _check_factors(policy, available)
    return policy if policy == current else replace(policy, changed_at=changed_at)


def _factors(names: Iterable[str]) -> tuple[Factor, ...]:
    wanted = set(names)
    chosen = tuple(factor for factor in Factor if factor in SECOND_FACTORS and factor in wanted)
    if len(chosen) != len(wanted):
        known = ", ".join(factor for factor in Factor if factor in SECOND_FACTORS)
        raise InvalidPolicy("factors", "factor-required", f"factors are some of {known}")
    return chosen


def _check_factors(policy: Policy, available: frozenset[Factor]) -> None:
    counting = counting_factors(policy)
    if policy.phishing_resistant_only and not counting:
        reason = "a phishing-resistant policy needs webauthn among its factors"
        raise InvalidPolicy("factors", "policy-needs-passkey", reason)
    if counting & available:
        return
    if policy.phishing_resistant_only:
        reason = "passkeys are not available on this installation"
        raise InvalidPolicy("factors", "passkeys-unavailable", reason)
    usable = ", ".join(sorted(available))
    reason = f"factors must have one that can be set up: {usable}"
    raise InvalidPolicy("factors", "factor-required", reason)


def _client_minimums(
    levels: Mapping[str, int], available: frozenset[Factor]
) -> tuple[tuple[str, int], ...]:
    """Sorted, without those that demand nothing."""
    chosen = tuple(sorted((client, level) for client, level in levels.items() if level > 1))
    if len(chosen) > MAX_CLIENT_MINIMUMS or any(level > _STRONGEST for _, level in chosen):
        reason = f"client minimums are 2fa or phr, for {MAX_CLIENT_MINIMUMS} clients at most"
        raise InvalidPolicy("client_minimums", "client-minimum-invalid", reason)
    if not available & PHISHING_RESISTANT and any(level == _STRONGEST for _, level in chosen):
        reason = "passkeys are not available on this installation"
        raise InvalidPolicy("client_minimums", "passkeys-unavailable", reason)
    return chosen


def policy_of(columns: Any) -> Policy:
    """The policy in a tenant's row (or anything with its columns as attributes)."""
    return Policy(
        mfa=cast(MfaMode, columns.mfa_mode),
        factors=tuple(Factor(name) for name in columns.mfa_factors),
        grace_days=columns.mfa_grace_days,
        remember_days=columns.mfa_remember_days,
        phishing_resistant_only=columns.mfa_phishing_resistant,
        changed_at=columns.policy_changed_at,
        client_minimums=tuple(sorted((columns.mfa_client_minimums or {}).items())),
    )


def counting_factors(policy: Policy) -> frozenset[Factor]:
    """The second factors that satisfy the policy."""
    allowed = SECOND_FACTORS & frozenset(policy.factors)
    return allowed & PHISHING_RESISTANT if policy.phishing_resistant_only else allowed


def is_bound(policy: Policy, role: str, mfa_selected: bool) -> bool:
    """Whether the policy demands a second factor of such a member; of admins it always does."""
    return (
        role == "admin" or policy.mfa == "everyone" or (policy.mfa == "selected" and mfa_selected)
    )


def bound_condition(policy: Policy) -> ColumnElement[bool]:
    """``is_bound`` as SQL over memberships."""
    if policy.mfa == "everyone":
        return true()
    admin = Membership.role == "admin"
    return or_(admin, Membership.mfa_selected) if policy.mfa == "selected" else admin


def deadline_of(policy: Policy, due_since: datetime) -> datetime:
    """When a member bound since then must have set up a factor."""
    return due_since + timedelta(days=policy.grace_days)
