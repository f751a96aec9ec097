"""Rolling out a policy (M11): what it would do, saving it with deadlines for each person, how far
it has come, reminders, and the one-time bypass.

What calls it: the company console's policy and person pages, and ``idp policy``. Company admins act
within their own company; every change is one unit of work, audited once, and mailed to whom it
concerns.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from idp.accounts.models import Account
from idp.accounts.service import AccountService
from idp.authn.factors.available import available_factors
from idp.core.clock import Clock
from idp.core.person import MfaMode, Policy
from idp.infra.audit import Audit
from idp.infra.database import transaction
from idp.infra.outbox import Outbox
from idp.people.actors import Actor, NotYourself, Refused
from idp.people.rollout.forecast import (
    MAX_STAGE_DAYS,
    ClientDoor,
    Forecast,
    Stages,
    forecast,
)
from idp.people.rollout.progress import Progress, progress_of
from idp.people.rollout.roster import Roster, read_roster
from idp.settings import Settings
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.tenants.deadlines import mark_reminded
from idp.tenants.models import Membership
from idp.tenants.policy import MODES, InvalidPolicy, build_policy, is_bound
from idp.tenants.service import TenantService

BYPASS_HOURS = range(1, 73)
"""How long a one-time bypass can wait to be used."""
MAX_STAGE_SIZE = 10_000


class BypassRefused(Refused):
    """A bypass that cannot be; ``code`` says why."""

    def __init__(self, code: str) -> None:
        Exception.__init__(self, code)
        self.code = code


class RollOut:
    """A company's policy on its way to its people."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        outbox: Outbox,
        audit: Audit,
        accounts: AccountService,
        tenants: TenantService,
    ) -> None:
        self._issuer = settings.issuer
        self._available = available_factors(settings)
        self._clock = clock
        self._outbox = outbox
        self._audit = audit
        self._accounts = accounts
        self._tenants = tenants
        self._members = tenants.memberships

    # What saving would do, and saving

    def forecast(
        self,
        tenant_id: str,
        proposed: Policy,
        *,
        selected: Iterable[str] | None = None,
        stages: Stages | None = None,
        doors: Sequence[ClientDoor] = (),
    ) -> Forecast:
        """What saving the policy would do to whom; nothing is changed.

        ``selected`` are the membership ids picked with it; ``doors`` the clients whose users are
        looked at one by one. Raises ``InvalidPolicy`` for groups that cannot be.
        """
        found = forecast(
            self._roster(tenant_id),
            proposed,
            selected=None if selected is None else frozenset(selected),
            stages=_checked(stages),
            doors=doors,
        )
        if stages is not None and found.last_deadline is not None:
            longest = self._clock.now() + timedelta(days=MAX_STAGE_DAYS)
            if found.last_deadline > longest:
                raise InvalidPolicy(
                    "stage_size",
                    "stages-too-long",
                    f"the last group's deadline would be more than {MAX_STAGE_DAYS} days away",
                )
        return found

    def forecast_modes(
        self, tenant_id: str, policy: Policy, selected: Iterable[str]
    ) -> dict[MfaMode, Forecast]:
        """The same policy for each rule of whom it binds."""
        roster, chosen = self._roster(tenant_id), frozenset(selected)
        return {
            mode: forecast(roster, replace(policy, mfa=mode), selected=chosen) for mode in MODES
        }

    def save(
        self,
        tenant_id: str,
        actor: Actor,
        *,
        mfa: str | None = None,
        factors: Iterable[str] | None = None,
        phishing_resistant_only: bool | None = None,
        grace_days: int | None = None,
        remember_days: int | None = None,
        client_minimums: Mapping[str, int] | None = None,
        selected: Iterable[str] | None = None,
        stages: Stages | None = None,
    ) -> Policy:
        """Replace what is given (see ``TenantService.set_policy``), with the deadlines forecast.

        Who is bound from now on, or had a factor that counts no longer, is given a deadline; with
        ``stages`` in groups. Everybody else keeps theirs.
        """
        chosen = None if selected is None else tuple(selected)
        changes: dict[str, Any] = {
            "mfa": mfa,
            "factors": None if factors is None else tuple(factors),
            "phishing_resistant_only": phishing_resistant_only,
            "grace_days": grace_days,
            "remember_days": remember_days,
            "client_minimums": client_minimums,
        }
        with transaction():
            actor.check_admin(tenant_id)
            if self._tenants.get(tenant_id).accounts_mode == "local":
                raise InvalidPolicy("", "not-activated", "activate central accounts first")
            current = self._tenants.policy(tenant_id)
            proposed = build_policy(current, available=self._available, **changes)
            outcome = self.forecast(tenant_id, proposed, selected=chosen, stages=stages)
            deadlines = {
                m.membership_id: m.deadline
                for m in outcome.members
                if m.fixed_anew and m.deadline is not None
            }
            return self._tenants.set_policy(
                tenant_id, **changes, selected=chosen, deadlines=deadlines, actor=actor.subject
            )

    # How far it has come

    def progress(self, tenant_id: str) -> Progress:
        """Who of those bound has a factor that counts, now and at the end of past weeks."""
        return progress_of(
            tenant_id, self._tenants.policy(tenant_id), self._available, self._clock.now()
        )

    def remind(
        self, tenant_id: str, actor: Actor, only: str | Collection[str] | None = None
    ) -> int:
        """Mail everybody who is bound and has nothing that counts, or only these; how many it were.

        Nobody is reminded twice within a day, however often and at once this is asked for.
        """
        chosen_ids = [only] if isinstance(only, str) else only
        with transaction():
            if chosen_ids is None:
                actor.check_admin(tenant_id)
            else:
                actor.check_right(tenant_id, MANAGE_PEOPLE)
            missing = self.progress(tenant_id).missing
            wanted = [m for m in missing if chosen_ids is None or m.membership_id in chosen_ids]
            due = {m.membership_id: m for m in wanted}
            chosen = mark_reminded(tenant_id, list(due), self._clock.now())
            tenant = self._tenants.get(tenant_id)
            for one in chosen:
                member = due[one]
                context = {
                    "given_name": member.given_name,
                    "tenant_name": tenant.name,
                    "link": f"{self._issuer}/account",
                    "deadline": member.deadline.isoformat() if member.deadline else "",
                    "overdue": member.is_overdue,
                    "zone": member.zone,
                }
                self._outbox.mail(member.email, "enrol-reminder", member.locale, context)
            if chosen:
                single = due[chosen[0]].subject if isinstance(only, str) else None
                self._audit.record(
                    "mfa.reminded",
                    category="people",
                    tenant_id=tenant_id,
                    actor=actor.subject,
                    subject=single,
                    detail={"people": len(chosen)},
                )
        return len(chosen)

    # The one-time bypass

    def grant_bypass(
        self, tenant_id: str, actor: Actor, membership_id: str, hours: int, reason: str
    ) -> datetime:
        """Let one sign-in of a member do without the policy's factor; until when it can be used.

        Never where only a passkey will do. A bypass that stands is replaced.
        """
        with transaction():
            membership, account = self._bypassable(tenant_id, actor, membership_id)
            if isinstance(hours, bool) or hours not in BYPASS_HOURS:
                raise BypassRefused("bypass-hours-invalid")
            policy = self._tenants.policy(tenant_id)
            if policy.phishing_resistant_only:
                raise BypassRefused("bypass-phishing-resistant")
            if membership.status != "active":
                raise BypassRefused("bypass-not-active")
            if not is_bound(policy, membership.role, membership.mfa_selected):
                raise BypassRefused("bypass-not-bound")
            until = self._clock.now() + timedelta(hours=hours)
            self._members.set_bypass(
                tenant_id, membership_id, until, actor=actor.subject, reason=reason
            )
            context = {
                "given_name": account.given_name or "",
                "tenant_name": self._tenants.get(tenant_id).name,
                "until": until.isoformat(),
                "zone": account.zoneinfo or "",
            }
            self._outbox.mail(account.email, "bypass-granted", account.locale, context)
        return until

    def revoke_bypass(self, tenant_id: str, actor: Actor, membership_id: str) -> None:
        """The bypass that stands does not count any more; without one nothing happens."""
        with transaction():
            self._bypassable(tenant_id, actor, membership_id)
            self._members.set_bypass(tenant_id, membership_id, None, actor=actor.subject)

    def _roster(self, tenant_id: str) -> Roster:
        tenant = self._tenants.get(tenant_id)
        booked = self._tenants.products_of(tenant_id)
        return read_roster(tenant, booked, self._available, self._clock.now())

    def _bypassable(
        self, tenant_id: str, actor: Actor, membership_id: str
    ) -> tuple[Membership, Account]:
        actor.check_admin(tenant_id)
        membership = self._members.get(tenant_id, membership_id)
        if actor.account_id == membership.account_id:
            raise NotYourself
        return membership, self._accounts.get(membership.account_id)


def _checked(stages: Stages | None) -> Stages | None:
    if stages is None:
        return None
    if not 1 <= stages.size <= MAX_STAGE_SIZE:
        raise InvalidPolicy("stage_size", "stage-size-invalid", "a group has 1 person at least")
    if not 1 <= stages.days <= 90:
        raise InvalidPolicy("stage_days", "stage-days-invalid", "groups are 1 to 90 days apart")
    return stages
