"""A company's MFA policy: read, tried out, put in force, rolled out."""

import hashlib
from typing import Annotated, Literal

from msgspec import Meta, field

from idp.core.person import MfaMode, Policy
from idp.core.vocabulary import ManagementScope
from idp.people.rollout.doors import doors_of, offered_clients
from idp.people.rollout.forecast import Forecast as Outcome
from idp.people.rollout.forecast import Stages
from idp.tenants.policy import InvalidPolicy, build_policy
from idp.web.api.problems import Problem
from idp.web.api.resources.fields import STRICT, Id, Moment, Wire
from idp.web.api.table import Call, Reply, operation
from idp.web.http import services

READ, WRITE = ManagementScope.POLICY_READ, ManagementScope.POLICY_WRITE
_HERE = "/companies/{number}/policy"
_LEVELS: dict[str, int] = {"2fa": 2, "phr": 3}
_NAMES = {level: name for name, level in _LEVELS.items()}

FactorName = Literal["totp", "webauthn", "sms", "voice", "email"]
Days = Annotated[int, Meta(ge=0, le=90)]
ClientId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9-]+$")]
Minimums = Annotated[
    dict[ClientId, Literal["2fa", "phr"]],
    Meta(max_length=200, description="What single clients demand; it can only be more."),
]


class Groups(Wire, **STRICT):
    """A roll-out in groups: so many people each, so many days from one deadline to the next."""

    size: Annotated[int, Meta(ge=1, le=10_000)]
    days: Annotated[int, Meta(ge=1, le=90)]


class PolicyChange(Wire, **STRICT):
    """The whole policy. `selected`: ids of the people picked for the mode of that name."""

    mfa: MfaMode
    factors: Annotated[list[FactorName], Meta(max_length=10)]
    phishing_resistant_only: bool = False
    grace_days: Days = 0
    remember_days: Days = 0
    client_minimums: Minimums = field(default_factory=dict)
    selected: Annotated[list[Id], Meta(max_length=10_000)] | None = None
    groups: Groups | None = None


class MfaPolicy(Wire):
    """The policy in force, and whom it binds."""

    mfa: str
    factors: list[str]
    phishing_resistant_only: bool
    grace_days: int
    remember_days: int
    client_minimums: dict[str, str]
    selected: list[str]
    changed_at: Moment | None


class PersonForecast(Wire):
    """What saving would mean for one person; `steps` is what they meet at the next sign-in."""

    id: str
    name: str
    effect: str
    steps: list[str]
    bound: bool
    has_second_factor: bool
    newly_bound: bool
    released: bool
    can_sign_in: bool
    deadline: Moment | None
    group: int | None


class ClientForecast(Wire):
    """A client of which the policy would demand more than it does itself: how many of its people
    would have to set something up there, and how many could not go on.
    """

    client_id: str
    enroll: int
    stuck: int


class Forecast(Wire):
    """What saving would do. `people` has the most who are touched, 1,000 at most."""

    bound: int
    with_second_factor: int
    without_second_factor: int
    newly_bound: int
    released: int
    last_deadline: Moment | None
    people: list[PersonForecast]
    clients: list[ClientForecast]


class Standing(Wire):
    """How many of those bound stood where at one moment."""

    at: Moment
    set_up: int
    in_time: int
    overdue: int


class Missing(Wire):
    """Somebody who is bound and has nothing that counts."""

    id: str
    name: str
    email: str
    deadline: Moment | None
    overdue: bool
    last_sign_in_at: Moment | None
    reminded_at: Moment | None


class Progress(Wire):
    """The past weeks, the last of them now; and who is missing, most urgent first."""

    weeks: list[Standing]
    missing: list[Missing]


class Reminder(Wire, **STRICT):
    """Whom to remind; nobody named means everybody who is missing."""

    person_id: Id | None = None


class Reminded(Wire):
    """How many were mailed; nobody is reminded twice within a day."""

    people: int


@operation("GET", _HERE, scope=READ, tagged=True)
def show_policy(call: Call) -> Reply[MfaPolicy]:
    """Show the policy."""
    return _shown(call)


@operation("PUT", _HERE, scope=WRITE, fresh=True, tagged=True)
def set_policy(call: Call, body: PolicyChange) -> Reply[MfaPolicy]:
    """Put a policy in force.

    People it binds from now on are given a deadline of `grace_days`, with `groups` one after the
    other. With `If-Match` it is refused where the policy was changed since.
    """
    if call.if_match is not None and call.if_match not in ("*", _tag(_described(call))):
        raise Problem(412, "The policy was changed in the meantime. Read it again.")
    services().rollout.save(
        call.at.tenant_id,
        call.access.actor,
        mfa=body.mfa,
        factors=body.factors,
        phishing_resistant_only=body.phishing_resistant_only,
        grace_days=body.grace_days,
        remember_days=body.remember_days,
        client_minimums=_minimums(call, body),
        selected=body.selected,
        stages=_stages(body),
    )
    return _shown(call)


@operation("POST", f"{_HERE}/forecast", scope=READ)
def forecast_policy(call: Call, body: PolicyChange) -> Forecast:
    """Say what saving a policy would do; nothing is changed."""
    everything, tenant_id = services(), call.at.tenant_id
    proposed = build_policy(
        everything.tenants.policy(tenant_id),
        mfa=body.mfa,
        factors=body.factors,
        phishing_resistant_only=body.phishing_resistant_only,
        grace_days=body.grace_days,
        remember_days=body.remember_days,
        client_minimums=_minimums(call, body),
        available=everything.tenants.available_factors,
    )
    offered = offered_clients(everything.clients, everything.tenants, tenant_id)
    outcome = everything.rollout.forecast(
        tenant_id,
        proposed,
        selected=body.selected,
        stages=_stages(body),
        doors=doors_of(offered, proposed),
    )
    return _forecast(outcome)


@operation("GET", f"{_HERE}/progress", scope=READ)
def show_progress(call: Call) -> Progress:
    """Show how far the policy has come, week by week, and who is missing."""
    progress = services().rollout.progress(call.at.tenant_id)
    return Progress(
        weeks=[Standing(w.at, w.set_up, w.in_time, w.overdue) for w in progress.weeks],
        missing=[
            Missing(
                id=one.membership_id,
                name=one.name,
                email=one.email,
                deadline=one.deadline,
                overdue=one.is_overdue,
                last_sign_in_at=one.last_sign_in_at,
                reminded_at=one.reminded_at,
            )
            for one in progress.missing
        ],
    )


@operation("POST", f"{_HERE}/reminders", scope=WRITE)
def remind_people(call: Call, body: Reminder) -> Reminded:
    """Mail a reminder to whoever is bound and has nothing set up."""
    return Reminded(services().rollout.remind(call.at.tenant_id, call.access.actor, body.person_id))


def _shown(call: Call) -> Reply[MfaPolicy]:
    found = _described(call)
    return Reply(found, {"ETag": _tag(found)})


def _described(call: Call) -> MfaPolicy:
    tenants, tenant_id = services().tenants, call.at.tenant_id
    policy: Policy = tenants.policy(tenant_id)
    return MfaPolicy(
        mfa=policy.mfa,
        factors=[str(factor) for factor in policy.factors],
        phishing_resistant_only=policy.phishing_resistant_only,
        grace_days=policy.grace_days,
        remember_days=policy.remember_days,
        client_minimums={client: _NAMES[level] for client, level in policy.client_minimums},
        selected=sorted(tenants.memberships.list_selected(tenant_id)),
        changed_at=policy.changed_at,
    )


def _tag(policy: MfaPolicy) -> str:
    return f'"{hashlib.sha256(repr(policy).encode()).hexdigest()[:32]}"'


def _stages(body: PolicyChange) -> Stages | None:
    return None if body.groups is None else Stages(body.groups.size, body.groups.days)


def _minimums(call: Call, body: PolicyChange) -> dict[str, int]:
    """Only for clients that the company's people can meet: its own and those of products."""
    clients, tenant_id = services().clients, call.at.tenant_id
    for client_id in body.client_minimums:
        found = clients.find(client_id)
        if found is None or found.tenant_id not in (None, tenant_id):
            raise InvalidPolicy(
                "client_minimums", "client-unknown", f"there is no client {client_id} here"
            )
    return {client: _LEVELS[level] for client, level in body.client_minimums.items()}


def _forecast(outcome: Outcome) -> Forecast:
    touched = [m for m in outcome.members if m.newly_bound or m.released or m.fixed_anew]
    ids = {m.membership_id for m in touched}
    others = [m for m in outcome.members if m.membership_id not in ids]
    return Forecast(
        bound=outcome.bound,
        with_second_factor=outcome.protected,
        without_second_factor=outcome.without_factor,
        newly_bound=outcome.newly_bound,
        released=outcome.released,
        last_deadline=outcome.last_deadline,
        people=[
            PersonForecast(
                id=m.membership_id,
                name=m.name,
                effect=m.effect,
                steps=list(m.steps),
                bound=m.bound,
                has_second_factor=m.protected,
                newly_bound=m.newly_bound,
                released=m.released,
                can_sign_in=m.can_sign_in,
                deadline=m.deadline,
                group=m.group,
            )
            for m in [*touched, *others][:1000]
        ],
        clients=[ClientForecast(c.client_id, c.enroll, c.stuck) for c in outcome.clients],
    )
