"""Applying an import and taking it back, some lines at a time (T10, A5).

What a line makes and that it was made are written in one transaction: whatever kills a worker, no
line is applied twice and none is lost. An applied line is an invitation that nobody was told of
yet; ``people.activation.arrivals`` settles it now or at the activation of the company.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from idp.accounts.foreign_hashes import ask_mark
from idp.core.randomness import Randomness, digest
from idp.infra.database import db
from idp.people.actors import Given, NotHeld, NotYourself, OnlyAdmins
from idp.people.imports.cells import Values, parse_line
from idp.people.imports.checking import find_invited, find_members, usable_columns
from idp.people.imports.models import ImportJob, ImportLine
from idp.people.imports.options import Options, given_by_default, options_of
from idp.people.models import Invitation
from idp.tenants.catalogue import check_permissions
from idp.tenants.errors import UnknownMembership
from idp.tenants.memberships import Memberships

PORTION = 200
_UNSENT = timedelta(days=3650)
"""How long an invitation waits to be sent; its real time begins then."""

Withdraw = Callable[..., str]
"""``Arrivals.withdraw``: takes back what came of an invitation; ``member-kept`` where somebody has
moved in for good."""


class Applying:
    """Carries out the lines that are ready, and undoes those that were."""

    def __init__(self, randomness: Randomness, memberships: Memberships) -> None:
        self._randomness = randomness
        self._memberships = memberships

    def apply_portion(self, job: ImportJob, now: datetime) -> bool:
        """Apply the next lines; whether there were any. Raises ``Refused`` where whoever started
        the import may not do this any more.
        """
        options = options_of(job)
        lines = self._next(job.id, "ready")
        if not lines:
            return False
        actor = options.acting()
        columns = usable_columns(options, job.trusted)
        parsed = {line.line: parse_line(line.data["cells"], columns)[0] for line in lines}
        if any(self._role(values, options) == "admin" for values in parsed.values()):
            actor.check_may_make_admins(job.tenant_id)
        # What everybody gets: of a helper's hand no more than they hold when it is given.
        everybody = given_by_default(job.tenant_id, options)
        named = [values.get("permissions", options.permissions) for values in parsed.values()]
        actor.check_may_grant(job.tenant_id, {p for some in named for p in some or ()})
        own = actor.openable(job.tenant_id)
        opened = [self._products(values, options, everybody) for values in parsed.values()]
        if own is not None and any(some is None or set(some) - own for some in opened):
            raise NotHeld
        emails = [values["email"] for values in parsed.values()]
        members = find_members(job.tenant_id, emails)
        invited = find_invited(job.tenant_id, emails, now, lock=True)
        rows, changes = [], []
        for line in lines:
            values = parsed[line.line]
            email = values["email"]
            change: dict[str, Any] = {"job_id": job.id, "line": line.line}
            standing = invited.get(email)
            if standing is not None and self._may_merge(standing, job, line):
                created = self._merge(standing, values, options, everybody, job)
                change |= {"outcome": "applied", "action": "merge", "created": created}
            elif email in members and line.action == "merge":
                try:
                    created = self._extend(
                        job.tenant_id, members[email], values, options, everybody
                    )
                    change |= {"outcome": "applied", "created": created}
                except (NotHeld, NotYourself, OnlyAdmins) as refused:
                    problems = [{"field": "email", "code": refused.code}]
                    change |= {"outcome": "refused", "code": refused.code, "problems": problems}
            elif standing is not None or email in members:
                code = "already-member" if email in members else "already-invited"
                problems = [{"field": "email", "code": code}]
                change |= {"outcome": "refused", "code": code, "problems": problems}
            else:
                row = self._invitation(job, values, options, everybody, now)
                rows.append(row)
                change |= {"outcome": "applied", "created": {"invitation": row["id"]}}
            if "password_hash" in columns and change["outcome"] == "applied":
                # It has moved on to the invitation, and is kept in no second place.
                change["data"] = {"cells": _without(line.data["cells"], columns, "password_hash")}
            changes.append(change)
        if rows:
            db.session.execute(insert(Invitation), rows)
        for keys in {tuple(change) for change in changes}:
            alike = [change for change in changes if tuple(change) == keys]
            db.session.execute(update(ImportLine), alike)
        db.session.expire_all()
        return True

    def undo_portion(self, job: ImportJob, withdraw: Withdraw) -> bool:
        """Take back the next lines; whether there were any."""
        lines = self._next(job.id, "applied")
        if not lines:
            return False
        made = [line.created or {} for line in lines]
        ids = [created["invitation"] for created in made if "invitation" in created]
        merged = [created["invitation"] for created in made if "merged" in created]
        ours = (Invitation.id.in_(ids), Invitation.tenant_id == job.tenant_id)
        # Whom nobody was told of leaves no trace; one that is settled at this moment stays.
        db.session.execute(
            delete(Invitation).where(
                *ours,
                Invitation.id.not_in(merged),
                Invitation.sent_at.is_(None),
                Invitation.accepted_at.is_(None),
            )
        )
        query = select(Invitation).where(*ours).with_for_update()
        actor = str(job.options["actor"]["subject"])
        invitations = {invitation.id: invitation for invitation in db.session.scalars(query)}
        for line in lines:
            created = line.created or {}
            invitation = invitations.get(created.get("invitation", ""))
            if "membership" in created:
                self._shrink(job.tenant_id, created, actor)
            elif invitation is None or invitation.revoked_at is not None:
                pass
            elif "merged" in created:
                if not _unmerge(invitation, created["merged"]):
                    line.outcome = "kept"
                    continue
            elif withdraw(invitation, actor=actor) == "member-kept":
                line.outcome = "kept"
                continue
            line.outcome = "undone"
        db.session.flush()
        return True

    @staticmethod
    def _next(job_id: str, outcome: str) -> Sequence[ImportLine]:
        query = select(ImportLine).where(ImportLine.job_id == job_id, ImportLine.outcome == outcome)
        return db.session.scalars(query.order_by(ImportLine.line).limit(PORTION)).all()

    @staticmethod
    def _role(values: Values, options: Options) -> str:
        return str(values.get("role", options.role))

    @staticmethod
    def _permissions(values: Values, options: Options, everybody: Given) -> list[str]:
        given = values.get("permissions", options.permissions)
        return check_permissions(everybody.permissions if given is None else given)

    @staticmethod
    def _products(values: Values, options: Options, everybody: Given) -> list[str] | None:
        given = values.get("products", options.products)
        return everybody.products if given is None else list(given)

    def _invitation(
        self, job: ImportJob, values: Values, options: Options, everybody: Given, now: datetime
    ) -> dict[str, Any]:
        return {
            "id": self._randomness.uuid(),
            "tenant_id": job.tenant_id,
            "email": values["email"],
            "given_name": values.get("given_name", ""),
            "family_name": values.get("family_name", ""),
            "salutation": values.get("salutation"),
            "role": self._role(values, options),
            "permissions": self._permissions(values, options, everybody),
            "locale": values.get("locale", options.locale),
            # Of a token that nobody knows: the one in the mail is made when it is sent.
            "token_digest": digest(self._randomness.token()),
            "invited_by": job.created_by,
            "created_at": now,
            "expires_at": now + _UNSENT,
            "products": self._products(values, options, everybody),
            "import_id": job.id,
            "external_id": values.get("external_id"),
            "password_hash": _hash(job, values, options),
            "email_verified": job.trusted and bool(values.get("email_verified")),
        }

    @staticmethod
    def _may_merge(standing: Invitation, job: ImportJob, line: ImportLine) -> bool:
        """Only into what another product's import made; checking has seen to a difference."""
        if standing.import_id is None or standing.import_id == job.id:
            return False
        if line.action == "merge":
            return True
        other = db.session.get(ImportJob, standing.import_id)
        mine, theirs = job.options.get("product"), other and other.options.get("product")
        return mine is not None and theirs is not None and mine != theirs

    def _merge(
        self,
        standing: Invitation,
        values: Values,
        options: Options,
        everybody: Given,
        job: ImportJob,
    ) -> dict[str, Any]:
        """One person, both products: widen the invitation that is there."""
        products = self._products(values, options, everybody)
        added = [p for p in products or () if p not in (standing.products or [])]
        opened = standing.products is not None and products is None
        before = standing.products
        if standing.products is not None:
            standing.products = None if products is None else [*standing.products, *added]
        wanted = self._permissions(values, options, everybody)
        granted = [p for p in wanted if p not in standing.permissions]
        standing.permissions = check_permissions([*standing.permissions, *granted])
        hashed = False
        found = _hash(job, values, options)
        if found and standing.password_hash is None and standing.sent_at is None:
            standing.password_hash, hashed = found, True
            standing.email_verified = standing.email_verified or bool(values.get("email_verified"))
        merged = {
            "products": added if before is not None else [],
            "all": before if opened else None,
            "permissions": granted,
            "hash": hashed,
        }
        return {"invitation": standing.id, "merged": merged}

    def _extend(
        self, tenant_id: str, membership_id: str, values: Values, options: Options, everybody: Given
    ) -> dict[str, Any]:
        """The same for somebody who has arrived already; raises ``OnlyAdmins``, ``NotYourself``,
        ``NotHeld``.
        """
        actor = options.acting()
        membership = self._memberships.get(tenant_id, membership_id)
        actor.check_may_change(tenant_id, membership)
        if membership.account_id == actor.account_id and membership.role != "admin":
            raise NotYourself
        by = actor.subject
        before = membership.products
        products = self._products(values, options, everybody)
        added = [p for p in products or () if before is not None and p not in before]
        wanted = self._permissions(values, options, everybody)
        granted = [p for p in wanted if p not in membership.permissions]
        actor.check_may_grant(tenant_id, granted)
        if added:
            self._memberships.set_products(
                tenant_id, membership_id, [*(before or ()), *added], actor=by
            )
        if granted:
            self._memberships.set_permissions(
                tenant_id, membership_id, [*membership.permissions, *granted], actor=by
            )
        return {"membership": membership_id, "products": added, "permissions": granted}

    def _shrink(self, tenant_id: str, created: dict[str, Any], actor: str) -> None:
        try:
            membership = self._memberships.get(tenant_id, created["membership"])
        except UnknownMembership:  # removed meanwhile, with all that there was
            return
        if created["products"] and membership.products is not None:
            left = [p for p in membership.products if p not in created["products"]]
            self._memberships.set_products(tenant_id, membership.id, left, actor=actor)
        if created["permissions"]:
            kept = [p for p in membership.permissions if p not in created["permissions"]]
            self._memberships.set_permissions(tenant_id, membership.id, kept, actor=actor)


def _hash(job: ImportJob, values: Values, options: Options) -> str | None:
    if not job.trusted:
        return None
    if values.get("password_hash"):
        return str(values["password_hash"])
    if options.ask and options.product:
        return ask_mark(options.product, values.get("external_id"))
    return None


def _without(cells: Sequence[str], columns: Sequence[str | None], field: str) -> list[str]:
    return [
        "" if place < len(columns) and columns[place] == field else cell
        for place, cell in enumerate(cells)
    ]


def _unmerge(invitation: Invitation, merged: dict[str, Any]) -> bool:
    """Narrow the invitation again, unless the person has come by it."""
    if invitation.accepted_at is not None:
        return False
    if merged["all"] is not None:
        invitation.products = merged["all"]
    elif invitation.products is not None:
        invitation.products = [p for p in invitation.products if p not in merged["products"]]
    invitation.permissions = [p for p in invitation.permissions if p not in merged["permissions"]]
    if merged["hash"]:
        invitation.password_hash = None
    return True
