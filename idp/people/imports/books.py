"""The numbers of an import, and its lines in the change log."""

from typing import Any

from sqlalchemy import func, select

from idp.infra.audit import Audit
from idp.infra.database import db
from idp.people.actors import Actor
from idp.people.imports.models import ImportJob, ImportLine


def tally(job_id: str) -> dict[str, int]:
    """How many lines there are of each outcome."""
    rows = db.session.execute(
        select(ImportLine.outcome, func.count())
        .where(ImportLine.job_id == job_id)
        .group_by(ImportLine.outcome)
    )
    return {row[0]: row[1] for row in rows}


def count(job: ImportJob) -> None:
    """Bring the numbers of an import up to date."""
    db.session.flush()
    found = tally(job.id)
    job.ready, job.refused = found.get("ready", 0), found.get("refused", 0)
    job.applied = found.get("applied", 0) + found.get("kept", 0)


def record(
    audit: Audit,
    event: str,
    job: ImportJob,
    actor: Actor,
    detail: dict[str, Any] | None = None,
) -> None:
    """Note in the company's log what became of a file."""
    audit.record(
        event,
        category="people",
        tenant_id=job.tenant_id,
        actor=actor.subject,
        detail={"import": job.id, "file": job.file_name, **(detail or {})},
    )
