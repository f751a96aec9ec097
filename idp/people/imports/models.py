"""An import of people and its lines: staged, checked, applied some at a time, undone (T10, A5)."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.infra.database import Base, SealedJson, UtcDateTime


class ImportJob(Base):
    """One file. ``status``: staging, checking, preview, running, paused, done, undoing, undone.

    ``trusted``: given by an operator or a product, so password hashes and confirmed addresses in it
    are believed. ``options`` are those of ``options.Options``. A worker holds the row's lock for
    the portion it is at; one that dies lets go of it with everything it had not committed.
    """

    __tablename__ = "import_jobs"
    __table_args__ = (
        Index("ix_import_jobs_tenant", "tenant_id", "created_at"),
        Index("ix_import_jobs_status", "status", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(32), ForeignKey("tenants.id", ondelete="CASCADE"))
    file_name: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(16))
    trusted: Mapped[bool]
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    total: Mapped[int]
    ready: Mapped[int]
    refused: Mapped[int]
    applied: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(64))
    created_by_account: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ImportLine(Base):
    """One line, by its number in the file.

    ``outcome``: staged (not checked yet), ready, refused, collision (to be decided), skipped,
    applied, undone, kept (could not be undone). ``action``: what applying it does: invite, link (an
    account is there), account (with a password of the old product), merge (into what another import
    made). ``data``: the cells. ``problems``: ``{"field": …, "code": …}``; ``created``: the ids of
    what it made, for undo. ``code``: that of the first problem, to filter by.
    """

    __tablename__ = "import_lines"
    __table_args__ = (
        Index("ix_import_lines_outcome", "job_id", "outcome", "line"),
        Index("ix_import_lines_email", "job_id", "email"),
    )

    job_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("import_jobs.id", ondelete="CASCADE"), primary_key=True
    )
    line: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(String(320))
    data: Mapped[dict[str, Any]] = mapped_column(SealedJson("import_lines.data"))
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    action: Mapped[str | None] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(16))
    code: Mapped[str | None] = mapped_column(String(32))
    created: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
