"""One thing done to many people of a company at once: lock, unlock, remind (T1, T4, M11).

Each person is a unit of work of their own, so that one who cannot be touched keeps nobody else
from it. Who that will be, and why, can be asked before.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from idp.core.clock import Clock
from idp.core.person import Role
from idp.people.actors import Actor, NotAllowed, Refused
from idp.people.members.listing import MAX_PAGE, MemberRow, PeopleFilter
from idp.people.members.service import PeopleService
from idp.people.rollout.service import RollOut
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.tenants.deadlines import REMINDER_PAUSE
from idp.tenants.errors import LastAdmin, UnknownMembership

BulkAction = Literal["lock", "unlock", "remind"]
ACTIONS: tuple[BulkAction, ...] = get_args(BulkAction)


@dataclass(frozen=True, slots=True)
class BulkRow:
    """One of the people; ``refused`` is the code of why nothing is done to them, empty if it is."""

    member: MemberRow
    refused: str = ""


class Bulk:
    """Looks and acts."""

    def __init__(self, clock: Clock, people: PeopleService, rollout: RollOut) -> None:
        self._clock = clock
        self._people = people
        self._rollout = rollout

    def preview(
        self, tenant_id: str, actor: Actor, action: BulkAction, ids: Collection[str]
    ) -> tuple[BulkRow, ...]:
        """Whom it would touch and whom not, by name; ids of nobody here are left out.

        Raises ``NotAllowed``. ``MAX_PAGE`` people at most.
        """
        actor.check_right(tenant_id, MANAGE_PEOPLE)
        chosen = PeopleFilter(only=frozenset(list(ids)[:MAX_PAGE]))
        members = self._people.list_people(tenant_id, chosen=chosen, limit=MAX_PAGE).rows
        role: Role = "admin" if _is_admin(actor, tenant_id) else "employee"
        now = self._clock.now()
        return tuple(
            BulkRow(one, _refusal(action, one, actor.account_id, role, now)) for one in members
        )

    def carry_out(
        self, tenant_id: str, actor: Actor, action: BulkAction, ids: Collection[str], reason: str
    ) -> tuple[BulkRow, ...]:
        """Do it; the same rows, with who was refused after all. Raises ``NotAllowed``."""
        rows = self.preview(tenant_id, actor, action, ids)
        if action == "remind":
            return self._remind(tenant_id, actor, rows)
        done: list[BulkRow] = []
        for row in rows:
            member_id, refused = row.member.membership_id, row.refused
            if not refused:
                try:
                    if action == "lock":
                        self._people.lock_member(tenant_id, actor, member_id, reason)
                    else:
                        self._people.unlock_member(tenant_id, actor, member_id, reason)
                except UnknownMembership:  # removed meanwhile
                    continue
                except LastAdmin:
                    refused = "last-admin"
                except NotAllowed:  # the actor's own right has ended meanwhile
                    raise
                except Refused as error:
                    refused = error.code
            done.append(BulkRow(row.member, refused))
        return tuple(done)

    def _remind(self, tenant_id: str, actor: Actor, rows: Sequence[BulkRow]) -> tuple[BulkRow, ...]:
        ids = [row.member.membership_id for row in rows if not row.refused]
        if ids:
            self._rollout.remind(tenant_id, actor, ids)
        return tuple(rows)


def _is_admin(actor: Actor, tenant_id: str) -> bool:
    try:
        actor.check_admin(tenant_id)
    except NotAllowed:
        return False
    return True


def _refusal(
    action: BulkAction, member: MemberRow, own_account: str | None, role: Role, now: datetime
) -> str:
    if action == "remind":
        if member.status != "active" or not member.must_have or member.second_factor:
            return "nothing-missing"
        last = member.mfa_reminded_at
        return "reminded-before" if last is not None and last > now - REMINDER_PAUSE else ""
    if member.account_id == own_account:
        return "not-yourself"
    if member.role == "admin" and role != "admin":
        return "only-admins"
    if action == "lock":
        return "locked-already" if member.status == "locked" else ""
    return "" if member.status == "locked" else "not-locked"
