"""The what-if of a policy (M11): what saving it does to each member, and what they meet next.

No second rule: every member is put before the decision of signing in as they would stand under the
proposed policy (``people.rollout.outlook``). The deadlines are worked out here too, and
``people.rollout.service`` saves exactly these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from idp.authn.step_kinds import Enroll, Finished, NoAllowedFactor, SecondFactor, Step
from idp.core.person import Person, PersonMembership, Policy, Role
from idp.core.vocabulary import LoginNeeded
from idp.people.rollout.outlook import way_of
from idp.people.rollout.roster import Roster, RosterMember
from idp.tenants.policy import counting_factors, deadline_of, is_bound

Effect = Literal[
    "none",
    "asked",
    "asked-by-own-choice",
    "enroll-now",
    "enroll-by",
    "replace-now",
    "replace-by",
    "let-through",
    "released",
    "stuck",
    "cannot-sign-in",
]
"""What a member meets: nothing; their factor; setting one up (at once, or until the deadline);
proving one that no longer counts and setting up another; a standing bypass; nothing any more; a
demand nobody can meet here; or they are locked or wait for activation."""

MAX_STAGE_DAYS = 365
"""Days from saving to the last group's deadline, at most."""
_ANY_CLIENT = "any"


@dataclass(frozen=True, slots=True)
class Stages:
    """A roll-out in groups: how many people each has, and the days from one to the next."""

    size: int
    days: int

    def group(self, position: int) -> int:
        """The group of the person at that position, counted from 0."""
        return position // self.size


@dataclass(frozen=True, slots=True)
class ClientDoor:
    """A client for which the company demands a level of its own, as its users meet it."""

    client_id: str
    product: str | None = None
    acr_level: int = 1


@dataclass(frozen=True, slots=True)
class MemberForecast:
    """One member under the proposed policy. ``steps`` are the pages from the address on.

    ``deadline`` is set for who is bound and has nothing that counts; ``fixed_anew``: saving gives
    them this deadline. ``group`` is their group of a staged roll-out, counted from 0.
    """

    membership_id: str
    name: str
    email: str
    role: Role
    effect: Effect
    steps: tuple[str, ...]
    bound: bool
    protected: bool
    newly_bound: bool = False
    released: bool = False
    deadline: datetime | None = None
    fixed_anew: bool = False
    group: int | None = None

    @property
    def can_sign_in(self) -> bool:
        """Neither locked nor waiting for activation."""
        return self.effect != "cannot-sign-in"


@dataclass(frozen=True, slots=True)
class ClientForecast:
    """Of those who may enter a client: how many must set something up there, and cannot."""

    client_id: str
    enroll: int
    stuck: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """The what-if of a policy, before it is saved; the members in the order of the people list."""

    members: tuple[MemberForecast, ...]
    clients: tuple[ClientForecast, ...] = ()

    @property
    def bound(self) -> int:
        """How many of those who can sign in the policy binds."""
        return sum(member.bound and member.can_sign_in for member in self.members)

    @property
    def protected(self) -> int:
        """How many of those have a factor that counts."""
        return sum(m.bound and m.protected and m.can_sign_in for m in self.members)

    @property
    def without_factor(self) -> int:
        """How many of those have none."""
        return self.bound - self.protected

    @property
    def newly_bound(self) -> int:
        """How many are not bound today."""
        return sum(member.newly_bound and member.can_sign_in for member in self.members)

    @property
    def released(self) -> int:
        """How many are bound today and then no longer."""
        return sum(member.released and member.can_sign_in for member in self.members)

    @property
    def last_deadline(self) -> datetime | None:
        """The last of the deadlines that saving fixes."""
        return max((m.deadline for m in self.members if m.fixed_anew and m.deadline), default=None)


def forecast(
    roster: Roster,
    proposed: Policy,
    *,
    selected: frozenset[str] | None = None,
    stages: Stages | None = None,
    doors: Sequence[ClientDoor] = (),
) -> Forecast:
    """What saving ``proposed`` does; ``selected`` are the ids chosen with it (None: as stored)."""
    view = _View(roster, replace(proposed, changed_at=roster.now))
    members = []
    in_groups = 0
    for member in roster.members:
        found = view.of(member, selected, stages, in_groups)
        in_groups += found.group is not None
        members.append(found)
    return Forecast(tuple(members), tuple(view.at(door) for door in doors))


@dataclass(slots=True)
class _Kind:
    """Members of whom the decision sees the same: one of them, their way in, how many they are."""

    person: Person
    way: tuple[Step, ...]
    count: int = 0


class _View:
    """Looks at members as they would stand under the proposed policy."""

    def __init__(self, roster: Roster, proposed: Policy) -> None:
        self._roster = roster
        self._current = roster.policy
        self._proposed = proposed
        self._now = roster.now
        self._counted = counting_factors(self._current) & roster.available
        self._counting = counting_factors(proposed) & roster.available
        self._kinds: dict[tuple[Any, ...], _Kind] = {}

    def of(
        self,
        member: RosterMember,
        selected: frozenset[str] | None,
        stages: Stages | None,
        in_groups: int,
    ) -> MemberForecast:
        """The member's forecast; ``in_groups``: how many before them are in groups."""
        row, held = member.row, member.enrolled.factors
        chosen = row.mfa_selected if selected is None else row.id in selected
        was_bound = is_bound(self._current, row.role, row.mfa_selected)
        bound = is_bound(self._proposed, row.role, chosen)
        protected = not held.isdisjoint(self._counting)
        had_one = was_bound and not held.isdisjoint(self._counted)
        # Who has done what was asked is given time for what is asked in its place.
        anew = bound and (row.mfa_due_since is None or (had_one and not protected))
        deadline: datetime | None = row.mfa_deadline if bound else None
        group = None
        if anew:
            deadline = deadline_of(self._proposed, self._now)
            if stages is not None and not protected and row.status == "active":
                group = stages.group(in_groups)
                deadline += timedelta(days=group * stages.days)
        way = self._kind(member, chosen, deadline).way
        return MemberForecast(
            membership_id=row.id,
            name=member.name,
            email=row.email,
            role=row.role,
            effect=_effect(way, bound, was_bound),
            steps=tuple(step.name for step in way),
            bound=bound,
            protected=protected,
            newly_bound=bound and not was_bound,
            released=was_bound and not bound,
            deadline=deadline if bound and not protected else None,
            fixed_anew=anew,
            group=group,
        )

    def at(self, door: ClientDoor) -> ClientForecast:
        """How many meet more than they have when they open the client."""
        enroll = stuck = 0
        for kind in self._kinds.values():
            needed = self._needed(door.client_id, door.product, door.acr_level)
            match way_of(kind.person, needed, self._now, self._roster.available)[-1]:
                case Enroll(reason="client"):
                    enroll += kind.count
                case NoAllowedFactor():
                    stuck += kind.count
        return ClientForecast(door.client_id, enroll, stuck)

    def _needed(self, client_id: str, product: str | None, acr_level: int) -> LoginNeeded:
        return LoginNeeded(
            acr_level=acr_level,
            client_id=client_id,
            product=product,
            tenant_hint=self._roster.tenant.customer_number,
        )

    def _kind(self, member: RosterMember, chosen: bool, deadline: datetime | None) -> _Kind:
        """Those like the member; the decision is asked about the first of them."""
        row, bypass = member.row, member.row.mfa_bypass_until
        same = (
            row.role,
            row.status,
            row.account_status,
            row.has_password,
            row.self_mfa,
            None if row.products is None else tuple(row.products),
            member.enrolled.factors,
            member.enrolled.passwordless,
            chosen,
            deadline is not None and self._now < deadline,
            bypass is not None and self._now < bypass,
        )
        kind = self._kinds.get(same)
        if kind is None:
            person = self._person(member, chosen, deadline)
            needed = self._needed(_ANY_CLIENT, None, 1)
            way = way_of(person, needed, self._now, self._roster.available)
            kind = self._kinds[same] = _Kind(person, way)
        kind.count += 1
        return kind

    def _person(self, member: RosterMember, chosen: bool, deadline: datetime | None) -> Person:
        row, tenant = member.row, self._roster.tenant
        products = self._roster.booked
        if row.products is not None:
            products = tuple(product for product in products if product in row.products)
        membership = PersonMembership(
            membership_id=row.id,
            tenant_id=tenant.id,
            customer_number=tenant.customer_number,
            tenant_name=tenant.name,
            role=row.role,
            status=row.status,
            policy=self._proposed,
            products=products,
            mfa_selected=chosen,
            mfa_due_since=self._now if deadline else None,
            mfa_deadline=deadline,
            mfa_bypass_until=row.mfa_bypass_until,
        )
        return Person(
            account_id=row.account_id,
            subject=row.subject,
            status=row.account_status,
            email=row.email,
            email_verified=row.email_verified,
            locale="",
            has_password=row.has_password,
            enrolled=member.enrolled.factors,
            passwordless=member.enrolled.passwordless,
            self_mfa=row.self_mfa,
            memberships=(membership,),
        )


def _effect(way: tuple[Step, ...], bound: bool, was_bound: bool) -> Effect:
    asked = any(isinstance(step, SecondFactor) for step in way)
    match way[-1]:
        case Enroll(may_postpone=True):
            return "replace-by" if asked else "enroll-by"
        case Enroll():
            return "replace-now" if asked else "enroll-now"
        case NoAllowedFactor():
            return "stuck"
        case Finished(bypassed=bypassed):
            if bypassed:
                return "let-through"
            if bound:
                return "asked"
            if asked:
                return "asked-by-own-choice"
            return "released" if was_bound else "none"
        case _:
            return "cannot-sign-in"
