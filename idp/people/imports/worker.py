"""What is done with imports in the background: ``work`` is one of the jobs of ``infra.background``.

A portion is one transaction that holds the row of its import; a worker that is killed lets go of
both, and the next one begins where the last commit ended.
"""

import logging
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import delete, select

from idp.core.clock import Clock
from idp.infra.audit import Audit
from idp.infra.background import Background
from idp.infra.database import DatabaseUnavailable, db, lock_for_change, transaction
from idp.infra.ephemeral import StoreUnavailable
from idp.people.actors import Refused
from idp.people.imports.applying import Applying, Withdraw
from idp.people.imports.books import count, record, tally
from idp.people.imports.checking import check_portion
from idp.people.imports.models import ImportJob, ImportLine
from idp.people.imports.options import options_of
from idp.tenants.catalogue import MANAGE_PEOPLE

log = logging.getLogger(__name__)

_BUSY = ("checking", "running", "undoing")
_ABANDONED = timedelta(hours=1)
_KEPT = timedelta(days=30)


class ImportWorker:
    """Checks, applies and undoes, a portion at a time."""

    def __init__(
        self,
        clock: Clock,
        audit: Audit,
        background: Background,
        applying: Applying,
        withdraw: Withdraw,
        *,
        hide_accounts: bool,
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._background = background
        self._applying = applying
        self._withdraw = withdraw
        self._hide = hide_accounts

    def work(self) -> bool:
        """One portion of the oldest import that has something to do; whether there was one."""
        waiting = select(ImportJob.id).where(ImportJob.status.in_(_BUSY))
        if db.session.scalar(waiting.limit(1)) is None:
            return False
        job_id = None
        try:
            with transaction() as session:
                query = select(ImportJob).where(ImportJob.status.in_(_BUSY))
                query = query.order_by(ImportJob.created_at).limit(1)
                job = session.scalar(query.with_for_update(skip_locked=True))
                if job is None:
                    return False
                job_id = job.id
                lock_for_change(f"import:{job.tenant_id}")
                self._portion(job)
        except (DatabaseUnavailable, StoreUnavailable):
            raise
        except Exception as error:
            if job_id is None:
                raise
            self._stop(job_id, error)
        return True

    def purge(self) -> None:
        """Let go of files that were never applied, and of the lines of those long finished."""
        now = self._clock.now()
        with transaction() as session:
            old = ImportJob.created_at < now - _KEPT
            staging = (ImportJob.status == "staging") & (ImportJob.created_at < now - _ABANDONED)
            gone = staging | (ImportJob.status.in_(("checking", "preview")) & old)
            session.execute(
                delete(ImportLine).where(
                    ImportLine.job_id.in_(
                        select(ImportJob.id).where(gone | (ImportJob.finished_at < now - 3 * _KEPT))
                    )
                )
            )
            session.execute(delete(ImportJob).where(gone))

    def _portion(self, job: ImportJob) -> None:
        now = self._clock.now()
        match job.status:
            case "checking":
                tell = job.trusted or not self._hide
                more, after = check_portion(job, now, tell_accounts=tell), "preview"
            case "running":
                actor = options_of(job).acting()
                actor.check_right(job.tenant_id, MANAGE_PEOPLE)
                more, after = self._applying.apply_portion(job, now), "done"
            case _:
                more, after = self._applying.undo_portion(job, self._withdraw), "undone"
        count(job)
        if more:
            self._background.wake()
            return
        if job.status != "checking":
            job.finished_at = now
            detail = {"applied": job.applied, "refused": job.refused}
            if after == "undone":
                detail = {"undone": tally(job.id).get("undone", 0), "kept": job.applied}
            event = "import.finished" if after == "done" else "import.undone"
            record(self._audit, event, job, options_of(job).acting(), detail)
        job.status = after

    def _stop(self, job_id: str, error: Exception) -> None:
        """Pause what cannot go on by itself, so that it holds up nobody else's."""
        code = error.code if isinstance(error, Refused) else "failed"
        if code == "failed":
            log.error("an import cannot go on", exc_info=error)
        with transaction() as session:
            job = session.get(ImportJob, job_id)
            if job is None or job.status not in _BUSY:
                return
            job.options = replace(options_of(job), stopped=code).as_json()
            job.status = "preview" if job.status == "checking" else "paused"
            count(job)
            record(self._audit, "import.paused", job, options_of(job).acting(), {"reason": code})
