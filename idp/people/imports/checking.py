"""Checking the lines of an import: what each would do, or why it is refused (T10).

A portion at a time, in one transaction, with a fixed number of questions to the database for all
lines of the portion. Nothing of what is decided here is believed when the line is applied: who
belongs to the company by then is looked up again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, update

from idp.accounts.models import Account
from idp.infra.database import db
from idp.people.actors import Actor, NotHeld, OnlyAdmins
from idp.people.imports.cells import Problem, Values, parse_line
from idp.people.imports.columns import TRUSTED_FIELDS, folded
from idp.people.imports.models import ImportJob, ImportLine
from idp.people.imports.options import Options, options_of
from idp.people.models import Invitation
from idp.tenants.catalogue import check_permissions, console_rights
from idp.tenants.models import Membership, TenantProduct

PORTION = 300
_LIVE = ("preview", "running", "paused", "done")
_STANDING = ("ready", "applied", "collision")


@dataclass(frozen=True, slots=True)
class Others:
    """Who of these addresses is there already, by address."""

    accounts: frozenset[str]
    members: dict[str, str]
    """The membership's id."""
    invited: dict[str, Invitation]
    """Open invitations into this company."""
    earlier: dict[str, int]
    """The line of the same file that has the address."""
    elsewhere: dict[str, tuple[str, int, str, str]]
    """Another product's import that has it: its id, the line, the product, the name there."""


def check_portion(job: ImportJob, now: datetime, *, tell_accounts: bool) -> bool:
    """Check the next lines; whether there were any. ``tell_accounts``: whether the person who
    imports may learn that an address has an account.
    """
    options = options_of(job)
    lines = db.session.scalars(
        select(ImportLine)
        .where(ImportLine.job_id == job.id, ImportLine.outcome == "staged")
        .order_by(ImportLine.line)
        .limit(PORTION)
    ).all()
    if not lines:
        return False
    columns = usable_columns(options, job.trusted)
    parsed = {line.line: parse_line(line.data["cells"], columns) for line in lines}
    emails = {v["email"] for v, _ in parsed.values() if "email" in v}
    others = find_others(job, options, emails, now)
    rights = Rights(options, job.tenant_id)
    changes, admins, helpers = [], 0, 0
    for line in lines:
        values, problems = parsed[line.line]
        problems = problems or rights.problems(values)
        email = values.get("email")
        action, outcome = "", "refused"
        if not problems and email is not None:
            action, outcome, problems = _judge(values, others, tell_accounts)
            if outcome != "refused":
                others.earlier[email] = line.line
                admins += values.get("role", options.role) == "admin"
                granted = values.get("permissions", options.permissions or ())
                helpers += bool(console_rights("employee", granted))
        changes.append(
            {
                "job_id": job.id,
                "line": line.line,
                "email": email,
                "problems": problems,
                "code": problems[0]["code"] if problems else None,
                "action": action or None,
                "outcome": outcome,
            }
        )
    job.options = replace(
        options, admins=options.admins + admins, helpers=options.helpers + helpers
    ).as_json()
    db.session.flush()
    db.session.execute(update(ImportLine), changes)
    db.session.expire_all()
    return True


def usable_columns(options: Options, trusted: bool) -> list[str | None]:
    """The mapping without what is believed only from an operator or a product."""
    return [None if not trusted and c in TRUSTED_FIELDS else c for c in options.columns]


def _judge(values: Values, others: Others, tell: bool) -> tuple[str, str, list[Problem]]:
    """Action, outcome and problems of a line whose cells are fine."""
    email = values["email"]
    if email in others.earlier:
        return "", "refused", [_about("duplicate-line", line=others.earlier[email])]
    clash = others.elsewhere.get(email)
    invited = others.invited.get(email)
    if clash is None:
        if email in others.members:
            return "", "refused", [_about("already-member")]
        if invited is not None:
            return "", "refused", [_about("already-invited")]
    else:
        job_id, line, product, name = clash
        if name != name_of(values):
            about = _about("collision", job=job_id, line=line, product=product)
            return "merge", "collision", [about]
        if email in others.members or invited is not None:
            return "merge", "ready", []
    if email in others.accounts:
        return ("link" if tell else "invite"), "ready", []
    if values.get("password_hash") and values.get("email_verified"):
        return "account", "ready", []
    return "invite", "ready", []


def name_of(values: Values) -> str:
    """The name, spelled so that two ways to write it are one."""
    return folded(f"{values.get('given_name', '')} {values.get('family_name', '')}")


def _about(code: str, **more: Any) -> Problem:
    return {"field": "email", "code": code, **more}


class Rights:
    """What whoever imports may hand out; asked once for each different set."""

    def __init__(self, options: Options, tenant_id: str) -> None:
        self._options = options
        self._actor: Actor = options.acting()
        self._tenant_id = tenant_id
        query = select(TenantProduct.product).where(TenantProduct.tenant_id == tenant_id)
        self._booked = set(db.session.scalars(query))
        self._openable = self._actor.openable(tenant_id)
        self._known: dict[tuple[str, tuple[str, ...]], str | None] = {}

    def problems(self, values: Values) -> list[Problem]:
        """What the importer may not give, or the company has not booked."""
        for product in values.get("products", ()):
            if product not in self._booked:
                return [{"field": "products", "code": "product-not-booked"}]
        opened = values.get("products", self._options.products)
        if self._openable is not None and set(opened or ()) - self._openable:
            return [{"field": "products", "code": NotHeld.code}]
        role = values.get("role", self._options.role)
        given = tuple(check_permissions(values.get("permissions", self._options.permissions or ())))
        if (role, given) not in self._known:
            self._known[role, given] = self._refusal(role, given)
        code = self._known[role, given]
        if code is None:
            return []
        return [{"field": "role" if code == "only-admins" else "permissions", "code": code}]

    def _refusal(self, role: str, given: tuple[str, ...]) -> str | None:
        try:
            if role == "admin":
                self._actor.check_may_make_admins(self._tenant_id)
            self._actor.check_may_grant(self._tenant_id, given)
        except (NotHeld, OnlyAdmins) as refused:
            return refused.code
        return None


def find_others(job: ImportJob, options: Options, emails: Iterable[str], now: datetime) -> Others:
    """Everything that is known of these addresses, in five questions."""
    wanted = list(emails)
    session = db.session
    accounts = session.scalars(select(Account.email).where(Account.email.in_(wanted)))
    earlier = session.execute(
        select(ImportLine.email, func.min(ImportLine.line))
        .where(
            ImportLine.job_id == job.id,
            ImportLine.email.in_(wanted),
            ImportLine.outcome.in_((*_STANDING, "skipped")),
        )
        .group_by(ImportLine.email)
    )
    return Others(
        accounts=frozenset(accounts),
        members=find_members(job.tenant_id, wanted),
        invited=find_invited(job.tenant_id, wanted, now),
        earlier={email: line for email, line in earlier if email is not None},
        elsewhere=_elsewhere(job, options, wanted),
    )


def find_members(tenant_id: str, emails: Sequence[str]) -> dict[str, str]:
    """The memberships of these addresses in the company."""
    rows = db.session.execute(
        select(Account.email, Membership.id)
        .join(Membership, Membership.account_id == Account.id)
        .where(
            Account.email.in_(emails),
            Membership.tenant_id == tenant_id,
            Membership.status != "removed",
        )
    )
    return {row[0]: row[1] for row in rows}


def find_invited(
    tenant_id: str, emails: Sequence[str], now: datetime, *, lock: bool = False
) -> dict[str, Invitation]:
    """The open invitations to these addresses; one that was not sent yet cannot be too old."""
    query = select(Invitation).where(
        Invitation.tenant_id == tenant_id,
        Invitation.email.in_(emails),
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
        or_(Invitation.sent_at.is_(None), Invitation.expires_at > now),
    )
    rows = db.session.scalars(query.with_for_update() if lock else query)
    return {invitation.email: invitation for invitation in rows}


def _elsewhere(
    job: ImportJob, options: Options, emails: Sequence[str]
) -> dict[str, tuple[str, int, str, str]]:
    """The same mail in another product of the same company."""
    if options.product is None:
        return {}
    query = select(ImportJob).where(
        ImportJob.tenant_id == job.tenant_id, ImportJob.id != job.id, ImportJob.status.in_(_LIVE)
    )
    jobs = {other.id: options_of(other) for other in db.session.scalars(query)}
    jobs = {id: o for id, o in jobs.items() if o.product not in (None, options.product)}
    if not jobs:
        return {}
    lines = db.session.scalars(
        select(ImportLine).where(
            ImportLine.job_id.in_(jobs),
            ImportLine.email.in_(emails),
            ImportLine.outcome.in_(_STANDING),
        )
    )
    found = {}
    for line in lines:
        other = jobs[line.job_id]
        values, _ = parse_line(line.data["cells"], other.columns)
        if line.email is not None and other.product is not None:
            found[line.email] = (line.job_id, line.line, other.product, name_of(values))
    return found
