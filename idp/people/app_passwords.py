"""Application passwords as people and companies manage them (P1, P2).

A person makes one for a product that is open to them in a company, sees it once, and ends it
whenever they like; what their company may is in ``people.app_password_rules``. Whether one counts
is judged anew at every use (``protocol.app_passwords``); what is ended here stays ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement

from idp.accounts.app_passwords import AppPasswords, TooManyAppPasswords
from idp.accounts.models import Account, AppPassword
from idp.authn.factors.news import Where
from idp.core.clock import Clock
from idp.core.person import Person, PersonMembership
from idp.core.user_agents import device_name
from idp.infra.audit import Audit
from idp.infra.database import transaction
from idp.infra.outbox import Outbox
from idp.people.actors import Refused
from idp.protocol.app_passwords import expiry_of
from idp.settings import Settings
from idp.tenants.catalogue import product_name

LONGEST_COMMENT = 100
LIFETIMES = (30, 90, 365)
"""Days that a person may choose from; else until it is deleted."""
State = Literal["active", "expired", "forbidden", "closed"]
"""``forbidden``: by the company; ``closed``: product or company is not open at present."""


class AppPasswordRefused(Refused):
    """Nothing was made or changed; ``field`` and ``code`` say what to mend."""

    def __init__(self, field: str, code: str) -> None:
        Exception.__init__(self, code)
        self.field = field
        self.code = code


@dataclass(frozen=True, slots=True)
class Target:
    """A product in a company that the person may make one for."""

    tenant_id: str
    customer_number: str
    tenant_name: str
    product: str
    max_days: int | None

    @property
    def key(self) -> str:
        """What a form says."""
        return f"{self.customer_number}/{self.product}"


@dataclass(frozen=True, slots=True)
class OwnAppPassword:
    """One of the person's own."""

    id: str
    product: str
    tenant_name: str
    comment: str
    state: State
    created_at: datetime
    ends_at: datetime | None
    last_used_at: datetime | None
    last_used_ip: str


class PeoplesAppPasswords:
    """Makes, lists and ends them, with whose right that is."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        outbox: Outbox,
        audit: Audit,
        kept: AppPasswords,
    ) -> None:
        self._issuer = settings.issuer
        self._clock = clock
        self._outbox = outbox
        self._audit = audit
        self._kept = kept

    # The person's own

    @staticmethod
    def targets(person: Person) -> tuple[Target, ...]:
        """What the person may make one for."""
        return tuple(
            Target(m.tenant_id, m.customer_number, m.tenant_name, product, m.app_password_days)
            for m in person.memberships
            if m.status == "active" and m.app_passwords
            for product in m.products
        )

    def list(self, person: Person) -> tuple[OwnAppPassword, ...]:
        """The person's own, with what has become of each."""
        now = self._clock.now()
        found = []
        for row in self._kept.list(person.account_id):
            membership = person.membership_of(row.tenant_id)
            ends = (
                expiry_of(row.created_at, row.expires_at, membership)
                if membership
                else row.expires_at
            )
            found.append(
                OwnAppPassword(
                    id=row.id,
                    product=row.product,
                    tenant_name=membership.tenant_name if membership else "",
                    comment=row.comment,
                    state=_state(row, membership, ends, now),
                    created_at=row.created_at,
                    ends_at=ends,
                    last_used_at=row.last_used_at,
                    last_used_ip=row.last_used_ip or "",
                )
            )
        return tuple(found)

    def create(
        self, person: Person, target: str, comment: str, days: int | None, where: Where
    ) -> tuple[Target, str]:
        """A new one, shown this once; the person is told by mail. Raises ``AppPasswordRefused``."""
        found = next((one for one in self.targets(person) if one.key == target), None)
        if found is None:
            raise AppPasswordRefused("target", "app-password-target-invalid")
        comment = _comment(comment)
        if days is not None and days not in LIFETIMES:
            raise AppPasswordRefused("days", "app-password-days-invalid")
        now = self._clock.now()
        expires_at = None if days is None else now + timedelta(days=days)
        try:
            with transaction() as session:
                row, password = self._kept.create(
                    person.account_id, found.tenant_id, found.product, comment, expires_at
                )
                self._record("app_password.created", person.subject, person.subject, [row], where)
                account = session.get_one(Account, person.account_id)
                context = {
                    "given_name": account.given_name or "",
                    "product": product_name(found.product),
                    "tenant_name": found.tenant_name,
                    "comment": comment,
                    "link": f"{self._issuer}/account/app-passwords",
                    "ip": where.ip,
                    "device": device_name(where.user_agent),
                }
                self._outbox.mail(account.email, "app-password-created", account.locale, context)
        except TooManyAppPasswords as error:
            raise AppPasswordRefused("", "app-password-limit") from error
        return found, password

    def delete(self, person: Person, app_password_id: str, where: Where) -> bool:
        """End one of the person's own at once; whether there was one."""
        with transaction():
            rows = self._kept.revoke(
                "deleted",
                AppPassword.id == app_password_id,
                AppPassword.account_id == person.account_id,
            )
            if rows:
                self._record("app_password.deleted", person.subject, person.subject, rows, where)
        return bool(rows)

    # What else ends them, in the transaction of its cause

    def end_account(self, account_id: str, subject: str, reason: str) -> None:
        """All of a person's: each company reads in its log that its own are gone."""
        self._end(subject, reason, AppPassword.account_id == account_id)

    def end_membership(self, account_id: str, subject: str, tenant_id: str, reason: str) -> None:
        """Those of a person in one company."""
        which = AppPassword.account_id == account_id, AppPassword.tenant_id == tenant_id
        self._end(subject, reason, *which)

    def _end(self, subject: str, reason: str, *which: ColumnElement[bool]) -> None:
        with transaction():
            by_company: dict[str, list[AppPassword]] = {}
            for row in self._kept.revoke(reason, *which):
                by_company.setdefault(row.tenant_id, []).append(row)
            for rows in by_company.values():
                self._record("app_password.ended", None, subject, rows, reason=reason)

    def purge(self) -> int:
        """Forget what ended long ago."""
        return self._kept.purge()

    def _record(
        self,
        event: str,
        actor: str | None,
        subject: str,
        rows: Sequence[AppPassword],
        where: Where | None = None,
        reason: str = "",
    ) -> None:
        """One event for rows of one company; never the password."""
        self._audit.record(
            event,
            category="app-passwords",
            tenant_id=rows[0].tenant_id,
            actor=actor,
            subject=subject,
            ip=where.ip if where else None,
            detail=described(rows, reason),
        )


def described(rows: Sequence[AppPassword], reason: str = "") -> dict[str, object]:
    """What the change log says of them; never the password."""
    return {
        "products": sorted({row.product for row in rows}),
        "comments": [row.comment for row in rows][:10],
        **({"count": len(rows)} if len(rows) > 1 else {}),
        **({"reason": reason} if reason else {}),
    }


def _state(
    row: AppPassword, membership: PersonMembership | None, ends: datetime | None, now: datetime
) -> State:
    if ends is not None and ends <= now:
        return "expired"
    if membership is None or membership.status != "active":
        return "closed"
    if not membership.app_passwords:
        return "forbidden"
    return "active" if row.product in membership.products else "closed"


def _comment(text: str) -> str:
    comment = " ".join(text.split())
    if not comment:
        raise AppPasswordRefused("comment", "app-password-comment-required")
    if len(comment) > LONGEST_COMMENT:
        raise AppPasswordRefused("comment", "too-long")
    if not comment.isprintable():
        raise AppPasswordRefused("comment", "app-password-comment-invalid")
    return comment
