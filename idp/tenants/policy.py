"""The MFA policy of a tenant: whom it binds, when it falls due, and what a change would do.

Pure functions, but for the SQL condition that says the same as ``is_bound``. A deadline is fixed
when a policy first binds a member; nothing moves it, and only an admin's unbinding ends it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast, get_args

from sqlalchemy import ColumnElement, or_, true

from idp.core.person import MfaMode, Policy, Role
from idp.core.vocabulary import SECOND_FACTORS, Factor
from idp.tenants.models import Membership

MODES: tuple[MfaMode, ...] = get_args(MfaMode)
MAX_DAYS = 90
AVAILABLE_FACTORS = frozenset({Factor.TOTP})
"""Factors a person can set up today; a policy needs one of them, or it would lock everybody out."""

Effect = Literal["none", "asked", "asked-by-own-choice", "enroll-now", "enroll-by", "released"]


class InvalidPolicy(ValueError):
    """A policy that cannot be; ``code`` is what to translate, ``field`` the form's name of it."""

    def __init__(self, field: str, code: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.code = code


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """What the forecast needs to know of one member."""

    membership_id: str
    role: Role
    mfa_selected: bool
    mfa_due_since: datetime | None
    mfa_deadline: datetime | None
    enrolled: frozenset[Factor]
    self_mfa: bool = False


@dataclass(frozen=True, slots=True)
class MemberForecast:
    """What one member will see at the next sign-in under the new policy."""

    membership_id: str
    effect: Effect
    bound: bool
    protected: bool
    newly_bound: bool = False
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """The what-if of a policy, before it is saved."""

    members: tuple[MemberForecast, ...]
    bound: int
    protected: int
    without_factor: int
    newly_bound: int
    released: int
    deadline: datetime | None


def build_policy(
    current: Policy,
    *,
    mfa: str | None = None,
    factors: Iterable[str] | None = None,
    grace_days: int | None = None,
    remember_days: int | None = None,
    changed_at: datetime | None = None,
) -> Policy:
    """The current policy with what is given replaced; raises ``InvalidPolicy``."""
    mode = current.mfa if mfa is None else mfa
    if mode not in MODES:
        raise InvalidPolicy("mfa", "mode-invalid", f"mfa must be one of {', '.join(MODES)}")
    chosen = current.factors if factors is None else _factors(factors)
    if not AVAILABLE_FACTORS.intersection(chosen):
        usable = ", ".join(sorted(AVAILABLE_FACTORS))
        raise InvalidPolicy(
            "factors", "factor-required", f"factors must have one that can be set up: {usable}"
        )
    days = {
        "grace_days": current.grace_days if grace_days is None else grace_days,
        "remember_days": current.remember_days if remember_days is None else remember_days,
    }
    for name, value in days.items():
        if isinstance(value, bool) or not 0 <= value <= MAX_DAYS:
            code = name.replace("_", "-") + "-invalid"
            raise InvalidPolicy(name, code, f"{name} must be a number from 0 to {MAX_DAYS}")
    return Policy(
        mfa=mode,
        factors=tuple(chosen),
        grace_days=days["grace_days"],
        remember_days=days["remember_days"],
        phishing_resistant_only=current.phishing_resistant_only,
        changed_at=changed_at,
    )


def _factors(names: Iterable[str]) -> tuple[Factor, ...]:
    wanted = set(names)
    chosen = tuple(factor for factor in Factor if factor in SECOND_FACTORS and factor in wanted)
    if len(chosen) != len(wanted):
        known = ", ".join(factor for factor in Factor if factor in SECOND_FACTORS)
        raise InvalidPolicy("factors", "factor-required", f"factors are some of {known}")
    return chosen


def policy_of(columns: Any) -> Policy:
    """The policy in a tenant's row (or anything with its columns as attributes)."""
    return Policy(
        mfa=cast(MfaMode, columns.mfa_mode),
        factors=tuple(Factor(name) for name in columns.mfa_factors),
        grace_days=columns.mfa_grace_days,
        remember_days=columns.mfa_remember_days,
        changed_at=columns.policy_changed_at,
    )


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


def forecast(
    current: Policy,
    proposed: Policy,
    members: Sequence[MemberFacts],
    now: datetime,
    selected: frozenset[str] | None = None,
) -> Forecast:
    """What saving ``proposed`` does; ``selected`` are the ids chosen with it (None: as stored)."""
    results = tuple(_member(current, proposed, member, now, selected) for member in members)
    bound = [result for result in results if result.bound]
    return Forecast(
        members=results,
        bound=len(bound),
        protected=sum(result.protected for result in bound),
        without_factor=sum(not result.protected for result in bound),
        newly_bound=sum(result.newly_bound for result in bound),
        released=sum(result.effect == "released" for result in results),
        deadline=deadline_of(proposed, now) if proposed.grace_days else None,
    )


def _member(
    current: Policy,
    proposed: Policy,
    member: MemberFacts,
    now: datetime,
    selected: frozenset[str] | None,
) -> MemberForecast:
    chosen = member.mfa_selected if selected is None else member.membership_id in selected
    was_bound = is_bound(current, member.role, member.mfa_selected)
    bound = is_bound(proposed, member.role, chosen)
    protected = not member.enrolled.isdisjoint(proposed.factors)
    effect: Effect
    deadline = None
    if bound and protected:
        effect = "asked"
    elif bound:
        deadline = member.mfa_deadline or deadline_of(proposed, now)
        effect = "enroll-by" if now < deadline else "enroll-now"
    elif member.self_mfa and member.enrolled:
        effect = "asked-by-own-choice"
    else:
        effect = "released" if was_bound else "none"
    return MemberForecast(
        membership_id=member.membership_id,
        effect=effect,
        bound=bound,
        protected=protected,
        newly_bound=bound and not was_bound,
        deadline=deadline,
    )
