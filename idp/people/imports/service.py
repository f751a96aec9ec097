"""Imports of people: staged, checked, applied, paused, taken back (T10, A5).

Every method is one unit of work and looks an import up together with its company. What takes long
is done by ``worker``, a portion at a time.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy import delete, insert, select, update

from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.infra.audit import Audit
from idp.infra.background import Background
from idp.infra.database import db, transaction
from idp.infra.throttle import Limit, Throttle
from idp.people.actors import Actor, NotAllowed
from idp.people.imports.applying import Applying, Withdraw
from idp.people.imports.books import count, record
from idp.people.imports.columns import TRUSTED_FIELDS, check_columns, recognise
from idp.people.imports.errors import ImportRefused, UnknownImport
from idp.people.imports.models import ImportJob, ImportLine
from idp.people.imports.options import Options, given_by_default, options_of
from idp.people.imports.reading import FileRefused, read_table
from idp.people.imports.worker import ImportWorker
from idp.settings import Settings
from idp.tenants.catalogue import MANAGE_PEOPLE, check_permissions
from idp.tenants.memberships import check_role
from idp.tenants.models import Tenant
from idp.tenants.service import TenantService

_STAGED_AT_ONCE = 1000
_UPLOADS = Limit("import-upload", 30, 3600)


class Imports:
    """Everything that is done with a file of people."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        audit: Audit,
        throttle: Throttle,
        tenants: TenantService,
        background: Background,
        withdraw: Withdraw,
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._audit = audit
        self._throttle = throttle
        self._tenants = tenants
        self._background = background
        self.worker = ImportWorker(
            clock,
            audit,
            background,
            Applying(randomness, tenants.memberships),
            withdraw,
            hide_accounts=settings.accounts.hide,
        )
        """What goes on in the background."""
        self.can_ask: Callable[[str | None], bool] = lambda product: False
        """Whether an old product can be asked about passwords (``accounts.legacy_logins``)."""

    # A file comes in

    def stage(
        self,
        tenant_id: str,
        actor: Actor,
        file_name: str,
        data: bytes,
        *,
        product: str | None = None,
        locale: str = "en",
        trusted: bool | None = None,
    ) -> ImportJob:
        """Keep the lines of a file, to be checked in the background.

        ``trusted`` follows from the actor; operators may waive it, nobody else can claim it.
        Raises ``NotAllowed``, ``FileRefused``, ``ImportRefused``, ``Throttled``.
        """
        actor.check_right(tenant_id, MANAGE_PEOPLE)
        believed = actor.is_operator and trusted is not False
        if not actor.is_operator:
            self._throttle.attempt(_UPLOADS, tenant_id)
        table = read_table(data)
        columns = recognise(table.header, table.rows[0][1])
        if not believed and TRUSTED_FIELDS & set(columns):
            raise FileRefused("hash-untrusted")
        opened = actor.narrowed(tenant_id, None)
        if product is not None:
            opened = [product]
            self._check_booked(tenant_id, opened)
            actor.check_may_open(tenant_id, (), opened)
        options = Options(
            header=table.header,
            columns=columns,
            encoding=table.encoding,
            delimiter=table.delimiter,
            actor={},
            product=product,
            products=opened,
            locale=locale,
        ).started_by(actor)
        job = ImportJob(
            id=self._randomness.uuid(),
            tenant_id=tenant_id,
            file_name=_file_name(file_name),
            status="staging",
            trusted=believed,
            options=options.as_json(),
            total=len(table.rows),
            ready=0,
            refused=0,
            applied=0,
            created_by=actor.name[:64],
            created_by_account=actor.account_id,
            created_at=self._clock.now(),
        )
        with transaction() as session:
            actor.check_right(tenant_id, MANAGE_PEOPLE)
            session.add(job)
        for begin in range(0, len(table.rows), _STAGED_AT_ONCE):
            rows = [
                {
                    "job_id": job.id,
                    "line": number,
                    "data": {"cells": list(cells)},
                    "problems": [],
                    "outcome": "staged",
                }
                for number, cells in table.rows[begin : begin + _STAGED_AT_ONCE]
            ]
            with transaction() as session:
                session.execute(insert(ImportLine), rows)
        with transaction():
            job = self._locked(tenant_id, job.id)
            job.status = "checking"
            detail = {"lines": job.total, "trusted": believed, "product": product}
            record(self._audit, "import.staged", job, actor, detail)
            self._background.wake()
        return job

    # Looking at it

    def get(self, tenant_id: str, job_id: str) -> ImportJob:
        """One import of the company; raises ``UnknownImport``."""
        query = select(ImportJob).where(ImportJob.id == job_id, ImportJob.tenant_id == tenant_id)
        job = db.session.scalar(query)
        if job is None:
            raise UnknownImport
        return job

    def list(self, tenant_id: str, limit: int = 50) -> Sequence[ImportJob]:
        """Those of a company, the newest first."""
        query = select(ImportJob).where(ImportJob.tenant_id == tenant_id)
        newest = query.order_by(ImportJob.created_at.desc(), ImportJob.id.desc()).limit(limit)
        return db.session.scalars(newest).all()

    def may_change(self, job: ImportJob, actor: Actor) -> bool:
        """Whether this actor decides on it: a file that operators handed over is theirs, a helper
        has only their own.
        """
        if actor.is_operator:
            return True
        if job.trusted:
            return False
        try:
            actor.check_right(job.tenant_id, MANAGE_PEOPLE)
            if job.created_by_account != actor.account_id or actor.account_id is None:
                actor.check_admin(job.tenant_id)
        except NotAllowed:
            return False
        return True

    # Deciding on it

    def set_options(
        self,
        tenant_id: str,
        actor: Actor,
        job_id: str,
        *,
        columns: Sequence[str | None] | None = None,
        product: str | None = None,
        products: Sequence[str] | None = None,
        permissions: Sequence[str] | None = None,
        role: str = "employee",
        locale: str = "en",
        ask: bool = False,
    ) -> ImportJob:
        """Say what the columns are and what everybody gets; all lines are checked again.

        Raises ``ImportRefused``, ``UnknownCatalogueEntry``, ``NotHeld``, ``OnlyAdmins``.
        """
        with transaction() as session:
            job = self._for(tenant_id, actor, job_id, "checking", "preview")
            before = options_of(job)
            try:
                chosen = check_columns(columns or before.columns, trusted=job.trusted)
            except ValueError as error:
                raise ImportRefused(str(error)) from error
            if len(chosen) != len(before.columns):
                raise ImportRefused("column-invalid")
            self._check_booked(tenant_id, [*(products or ()), *([product] if product else ())])
            if check_role(role) == "admin":
                actor.check_may_make_admins(tenant_id)
            if permissions is not None:
                actor.check_may_grant(tenant_id, check_permissions(permissions))
            if products is not None:
                actor.check_may_open(tenant_id, (), products)
            if ask and not (job.trusted and self.can_ask(product)):
                raise ImportRefused("import-no-hook")
            wanted = replace(
                before,
                columns=chosen,
                product=product,
                products=actor.narrowed(tenant_id, products),
                permissions=None if permissions is None else check_permissions(permissions),
                role=role,
                locale=locale if locale in ("de", "en") else "en",
                ask=ask,
                admins=0,
                helpers=0,
            )
            job.options = wanted.started_by(actor).as_json()
            job.status = "checking"
            session.execute(
                update(ImportLine)
                .where(ImportLine.job_id == job.id)
                .values(outcome="staged", action=None, email=None, code=None, problems=[])
            )
            self._background.wake()
        return job

    def decide(
        self, tenant_id: str, actor: Actor, job_id: str, merge: bool, line: int | None = None
    ) -> int:
        """Whom two products have becomes one person with both, or the line is left; how many."""
        with transaction() as session:
            job = self._for(tenant_id, actor, job_id, "preview", "paused", "done")
            query = update(ImportLine).where(
                ImportLine.job_id == job.id, ImportLine.outcome == "collision"
            )
            if line is not None:
                query = query.where(ImportLine.line == line)
            outcome = "ready" if merge else "skipped"
            values = {"outcome": outcome, "action": "merge" if merge else None}
            decided = session.execute(query.values(**values).returning(ImportLine.line)).all()
            count(job)
            detail = {"merged" if merge else "skipped": len(decided)}
            record(self._audit, "import.collisions_decided", job, actor, detail)
        return len(decided)

    def apply(self, tenant_id: str, actor: Actor, job_id: str) -> ImportJob:
        """Begin to apply what is ready, or go on after a pause; raises ``ImportRefused``."""
        with transaction():
            job = self._for(tenant_id, actor, job_id, "preview", "paused", "done")
            count(job)
            if not job.ready:
                raise ImportRefused("import-nothing-ready")
            event = "import.resumed" if job.status == "paused" else "import.started"
            job.options = options_of(job).started_by(actor).as_json()
            job.status = "running"
            job.started_at = job.started_at or self._clock.now()
            given = given_by_default(tenant_id, options_of(job))
            record(self._audit, event, job, actor, {"lines": job.ready, **given.as_detail()})
            self._background.wake()
        return job

    def pause(self, tenant_id: str, actor: Actor, job_id: str) -> ImportJob:
        """Stop after the portion that is under way."""
        with transaction():
            job = self._for(tenant_id, actor, job_id, "running")
            job.status = "paused"
            record(self._audit, "import.paused", job, actor)
        return job

    def undo(self, tenant_id: str, actor: Actor, job_id: str) -> ImportJob:
        """Take back whatever nobody has used yet; who has moved in by now stays."""
        with transaction():
            job = self._for(tenant_id, actor, job_id, "running", "paused", "done")
            tenant = self._tenants.get(tenant_id)
            if not self.may_undo(job, tenant):
                raise ImportRefused("import-after-cutover")
            count(job)
            if not job.applied:
                raise ImportRefused("import-nothing-applied")
            job.options = options_of(job).started_by(actor).as_json()
            job.status = "undoing"
            record(self._audit, "import.undo_started", job, actor)
            self._background.wake()
        return job

    def may_undo(self, job: ImportJob, tenant: Tenant) -> bool:
        """Until the company's cut-over, and any time for what was imported after it."""
        cutover = tenant.cutover_at
        return cutover is None or self._clock.now() < cutover or job.created_at >= cutover

    def discard(self, tenant_id: str, actor: Actor, job_id: str) -> None:
        """Forget a file of which nothing was applied."""
        with transaction() as session:
            job = self._for(tenant_id, actor, job_id, "checking", "preview")
            record(self._audit, "import.discarded", job, actor)
            session.execute(delete(ImportLine).where(ImportLine.job_id == job.id))
            session.delete(job)

    # Inside

    def _for(self, tenant_id: str, actor: Actor, job_id: str, *states: str) -> ImportJob:
        """The import, held for a change, if the actor may change it and it is in such a state."""
        actor.check_right(tenant_id, MANAGE_PEOPLE)
        job = self._locked(tenant_id, job_id)
        if not self.may_change(job, actor):
            raise NotAllowed
        if job.status not in states:
            raise ImportRefused("import-state")
        return job

    def _locked(self, tenant_id: str, job_id: str) -> ImportJob:
        query = select(ImportJob).where(ImportJob.id == job_id, ImportJob.tenant_id == tenant_id)
        job = db.session.scalar(query.with_for_update())
        if job is None:
            raise UnknownImport
        return job

    def _check_booked(self, tenant_id: str, products: Sequence[str]) -> None:
        if set(products) - set(self._tenants.products_of(tenant_id)):
            raise ImportRefused("product-not-booked")


def _file_name(text: str) -> str:
    """The last part of what the browser said, for people to recognise."""
    name = text.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(sign for sign in name if sign.isprintable())[:120] or "import.csv"
