"""The pages of the policy as values: how far it has come, the form, and what it would change."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import request

from idp.core.names import mentions, search_form, search_words
from idp.core.person import Policy
from idp.core.vocabulary import SECOND_FACTORS, Factor
from idp.people.rollout.forecast import Forecast, MemberForecast
from idp.people.rollout.progress import Progress, Standing
from idp.tenants.policy import counting_factors
from idp.web import contexts
from idp.web.admin.frame import done, frame_of
from idp.web.admin.policy_form import Entered, doors_of, minimums_of
from idp.web.guards import Administrator
from idp.web.http import services

SHOWN = 200
"""Most people that the form lists to be picked; a search finds the others."""
NAMED = 100
"""Most people of one group that the preview names."""
URGENT = 25
"""Most people without a factor that the policy page lists."""
CHART_HEIGHT = 120
BAR_STEP = 45
"""Units of the drawing: the height of the highest bar, and from one bar to the next."""
_ORDER = (
    "stuck",
    "enroll-now",
    "replace-now",
    "in-groups",
    "enroll-by",
    "replace-by",
    "let-through",
    "asked",
    "asked-by-own-choice",
    "released",
    "none",
    "cannot-sign-in",
)
"""Effects as the preview lists them: who notices most comes first."""


def form_page(
    admin: Administrator,
    shown: Policy,
    selected: Sequence[str] | None,
    *,
    entered: Entered | None = None,
    errors: Mapping[str, str] | None = None,
) -> contexts.PolicyPage:
    """The form with that policy in it; ``selected`` None: those who are stored as picked."""
    everything = services()
    find = entered.find if entered else ""
    if selected is None:
        stored = everything.tenants.memberships.list_selected(admin.tenant_id)
        picked = frozenset(stored)
    else:
        picked = frozenset(selected)
    forecasts = everything.rollout.forecast_modes(admin.tenant_id, shown, picked)
    members = forecasts["admins"].members
    people, hidden = _choices(members, picked, find)
    typed: dict[str, Any] = entered.typed if entered else {}
    accounts = everything.activation.state(admin.tenant_id)
    return contexts.PolicyPage(
        frame=frame_of(admin),
        notice=done(),
        errors=errors or {},
        mfa=shown.mfa,
        factors=tuple(
            contexts.FactorChoice(
                key=factor,
                checked=factor in shown.factors,
                available=factor in everything.tenants.available_factors,
            )
            for factor in Factor
            if factor in SECOND_FACTORS
        ),
        phishing_resistant_only=shown.phishing_resistant_only,
        passkeys_available=Factor.WEBAUTHN in everything.tenants.available_factors,
        grace_days=shown.grace_days,
        remember_days=shown.remember_days,
        stage_size=typed.get("stage_size", ""),
        stage_days=typed.get("stage_days", ""),
        clients=minimums_of(admin.tenant_id, shown),
        changed_at=shown.changed_at,
        activated_at=accounts.activated_at,
        cutover_at=accounts.cutover_at if accounts.state == "moving" else None,
        forecasts={
            mode: contexts.ModeForecast(bound=found.bound, without_factor=found.without_factor)
            for mode, found in forecasts.items()
        },
        people=people,
        hidden_people=hidden,
        find=find,
        rollout=rollout_view(everything.rollout.progress(admin.tenant_id)),
        reminded=_count(request.args.get("reminded", "")),
    )


def _choices(
    members: Sequence[MemberForecast], picked: frozenset[str], find: str
) -> tuple[tuple[contexts.PersonChoice, ...], int]:
    """Whom the form lists, the picked among them always; how many it leaves out."""
    words = search_words(find)
    listed, left_out = [], 0
    room = SHOWN
    for member in members:
        chosen = member.membership_id in picked
        found = room > 0 and (not words or mentions(search_form(member.name, member.email), words))
        if not chosen and not found:
            left_out += 1
            continue
        room -= not chosen and room > 0
        listed.append(
            contexts.PersonChoice(
                id=member.membership_id,
                name=member.name,
                email=member.email,
                role=member.role,
                checked=chosen,
                second_factor=member.protected,
            )
        )
    return tuple(listed), left_out


def preview_page(admin: Administrator, wanted: Policy, entered: Entered) -> contexts.PolicyPreview:
    """What saving would do to whom."""
    rollout = services().rollout
    stages = entered.stages
    outcome = rollout.forecast(
        admin.tenant_id,
        wanted,
        selected=entered.selected if wanted.mfa == "selected" else None,
        stages=stages,
        doors=doors_of(admin.tenant_id, wanted),
    )
    minimums = minimums_of(admin.tenant_id, wanted)
    raised = {m.client_id: m for m in minimums if m.level > m.registered}
    return contexts.PolicyPreview(
        frame=frame_of(admin),
        mfa=wanted.mfa,
        factors=wanted.factors,
        phishing_resistant_only=wanted.phishing_resistant_only,
        grace_days=wanted.grace_days,
        remember_days=wanted.remember_days,
        stage_size=stages.size if stages else None,
        stage_days=stages.days if stages else None,
        minimums=minimums,
        selected=entered.selected,
        members=len(outcome.members),
        bound=outcome.bound,
        with_factor=outcome.protected,
        newly_bound=outcome.newly_bound,
        released=outcome.released,
        warnings=_warnings(services().tenants.policy(admin.tenant_id), wanted),
        groups=_groups(outcome, admin.membership.membership_id),
        clients=tuple(
            contexts.ClientEffect(
                name=raised[found.client_id].name,
                level=raised[found.client_id].level,
                enroll=found.enroll,
                stuck=found.stuck,
            )
            for found in outcome.clients
            if found.client_id in raised
        ),
    )


def _warnings(current: Policy, wanted: Policy) -> tuple[str, ...]:
    """What an admin should know before saving, as codes of ``_macros/policy.html``."""
    counting = counting_factors(wanted)
    found = {
        "phishing-resistant": wanted.phishing_resistant_only,
        "email-weak": Factor.EMAIL in counting,
        "phone-weak": bool(counting & {Factor.SMS, Factor.VOICE}),
        "only-sent": counting <= {Factor.SMS, Factor.VOICE, Factor.EMAIL},
        "remembered-end": wanted != current and current.remember_days > 0,
    }
    return tuple(code for code, holds in found.items() if holds)


def _groups(outcome: Forecast, own_id: str) -> tuple[contexts.EffectGroup, ...]:
    """Members by what they meet and until when; those of a staged roll-out together."""
    found: dict[tuple[str, datetime | None], list[MemberForecast]] = {}
    for member in outcome.members:
        effect: str = member.effect
        if effect in ("enroll-by", "replace-by"):
            staged = member.group is not None
            key = ("in-groups", None) if staged else (effect, member.deadline)
        else:
            key = (effect, None)
        found.setdefault(key, []).append(member)

    def rank(key: tuple[str, datetime | None]) -> tuple[int, float]:
        return _ORDER.index(key[0]), key[1].timestamp() if key[1] else 0.0

    return tuple(
        contexts.EffectGroup(
            effect=effect,
            count=len(members),
            names=tuple(member.name for member in members[:NAMED]),
            deadline=deadline or max((m.deadline for m in members if m.deadline), default=None),
            stages=_stages(members) if effect == "in-groups" else (),
            you=any(member.membership_id == own_id for member in members),
        )
        for (effect, deadline), members in sorted(found.items(), key=lambda entry: rank(entry[0]))
    )


def _stages(members: Sequence[MemberForecast]) -> tuple[contexts.Stage, ...]:
    by_number: dict[int, list[MemberForecast]] = {}
    for member in members:
        if member.group is not None:
            by_number.setdefault(member.group, []).append(member)
    return tuple(
        contexts.Stage(
            number=number + 1,
            first=some[0].name,
            last=some[-1].name,
            count=len(some),
            deadline=some[0].deadline,
        )
        for number, some in sorted(by_number.items())
        if some[0].deadline is not None
    )


def rollout_view(progress: Progress) -> contexts.RollOutView:
    """How far it has come, as a chart and a list of who is missing."""
    now = progress.now
    highest = max((week.bound for week in progress.weeks), default=0)
    return contexts.RollOutView(
        set_up=now.set_up,
        in_time=now.in_time,
        overdue=now.overdue,
        weeks=tuple(
            _bar(week, position * BAR_STEP, highest) for position, week in enumerate(progress.weeks)
        ),
        missing=tuple(
            contexts.MissingRow(
                id=one.membership_id,
                name=one.name,
                email=one.email,
                deadline=one.deadline,
                overdue=one.is_overdue,
                last_sign_in=one.last_sign_in_at,
                reminded_at=one.reminded_at,
            )
            for one in progress.missing[:URGENT]
        ),
        missing_count=len(progress.missing),
    )


def _bar(week: Standing, x: int, highest: int) -> contexts.Bar:
    def height(count: int) -> int:
        # Whoever is there is seen, were it one of thousands.
        return max(2, round(CHART_HEIGHT * count / highest)) if count else 0

    return contexts.Bar(
        at=week.at,
        x=x,
        set_up=week.set_up,
        in_time=week.in_time,
        overdue=week.overdue,
        set_up_height=height(week.set_up),
        in_time_height=height(week.in_time),
        overdue_height=height(week.overdue),
    )


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0
