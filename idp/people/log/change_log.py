"""The change log as it is read (T6): one chain, the newest first, filtered, names instead of ids.

A company reads its own chain. Who acted or was meant is named as far as the company knows them: its
members by name, operators as operators, strangers as strangers. The platform's chain is for
operators, who may know everybody. The number of queries does not depend on the number of rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select, true, union

from idp.accounts.models import Account
from idp.clients.models import ClientRow
from idp.infra.audit import PLATFORM, Audit, AuditEvent
from idp.infra.database import db, transaction
from idp.infra.folded import mentioning, naming
from idp.people.actors import Actor
from idp.people.log.names import Names, Party, name_of
from idp.tenants.catalogue import READ_LOG
from idp.tenants.models import Membership

PAGE = 50
_CHUNK = 500
"""Records read at a time for an export."""
_FOUND = 200
"""People and clients that a word may mean; whoever means more says more."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What to look for; what is empty restricts nothing. ``until`` itself is not included.

    ``person``: a subject, as actor or as the one meant. ``words``: text that names, addresses and
    client names are searched for, ``word_events``: the events whose words the text is found in.
    """

    person: str = ""
    category: str = ""
    event: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    words: str = ""
    word_events: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class LogRow:
    """One record with its names; ``detail`` as it was recorded."""

    seq: int
    at: datetime
    category: str
    event: str
    succeeded: bool
    actor: Party
    subject: Party
    client_name: str
    ip: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some records; ``older`` is what the next page is asked for with, 0 at the end."""

    rows: tuple[LogRow, ...]
    older: int = 0


class ChangeLog:
    """Reads chains. ``tenant_id`` None is the platform's, for operators alone."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def page(
        self, tenant_id: str | None, actor: Actor, wanted: LogFilter, before: int = 0
    ) -> LogPage:
        """A page, the newest first; ``before``: what ``older`` has said. Raises ``NotAllowed``."""
        _check(tenant_id, actor)
        conditions = _conditions(tenant_id, wanted)
        if before > 0:
            conditions.append(AuditEvent.seq < before)
        rows = _newest(conditions, wanted.person, PAGE + 1)
        some = rows[:PAGE]
        return LogPage(_named(some, tenant_id, actor), some[-1].seq if len(rows) > PAGE else 0)

    def categories(self, tenant_id: str | None) -> Sequence[str]:
        """Those the chain has, for the filter."""
        query = select(AuditEvent.category).where(AuditEvent.chain == (tenant_id or PLATFORM))
        return sorted(db.session.scalars(query.distinct()))

    def subject_of(self, tenant_id: str, membership_id: str) -> tuple[str, str] | None:
        """Subject and name behind a membership of that company, also of one who has left."""
        query = (
            select(Account)
            .join(Membership, Membership.account_id == Account.id)
            .where(Membership.id == membership_id, Membership.tenant_id == tenant_id)
        )
        account = db.session.scalar(query) if "\x00" not in membership_id else None
        return (account.subject, name_of(account)) if account else None

    def note_export(
        self, tenant_id: str | None, actor: Actor, file_format: str, wanted: LogFilter, ip: str
    ) -> None:
        """Taking records out of the house is an event itself. Raises ``NotAllowed``."""
        said = {
            "format": file_format,
            "category": wanted.category,
            "event": wanted.event,
            "outcome": wanted.outcome,
            "from": wanted.since.date().isoformat() if wanted.since else "",
            "to": wanted.until.date().isoformat() if wanted.until else "",
            "filtered": bool(wanted.words or wanted.person),
        }
        with transaction():
            _check(tenant_id, actor)
            self._audit.record(
                "log.exported",
                category="log",
                tenant_id=tenant_id,
                actor=actor.subject,
                ip=ip or None,
                detail={name: value for name, value in said.items() if value},
            )

    def export_records(
        self, tenant_id: str | None, actor: Actor, wanted: LogFilter
    ) -> Iterator[dict[str, Any]]:
        """The records themselves in the chain's order, each with its hash: they can be checked.

        Where operators sat leaves the house no more than on the page, but in records of version 1.
        """
        keys = self._audit.keys
        for some in _oldest_first(tenant_id, wanted):
            names = Names(some, None if actor.is_operator else tenant_id)
            for row in some:
                hidden = names.party(row.actor, row).kind == "operator"
                yield keys.exported(row, address=not hidden)

    def export_rows(
        self, tenant_id: str | None, actor: Actor, wanted: LogFilter
    ) -> Iterator[LogRow]:
        """The same with names instead of ids, for people."""
        for some in _oldest_first(tenant_id, wanted):
            yield from _named(some, tenant_id, actor)


def _check(tenant_id: str | None, actor: Actor) -> None:
    if tenant_id is None:
        actor.check_operator()
    else:
        actor.check_right(tenant_id, READ_LOG)


def _conditions(tenant_id: str | None, wanted: LogFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [AuditEvent.chain == (tenant_id or PLATFORM)]
    for column, value in (
        (AuditEvent.category, wanted.category),
        (AuditEvent.event, wanted.event),
        (AuditEvent.outcome, wanted.outcome),
    ):
        if value:
            found.append(column == value)
    if wanted.since is not None:
        found.append(AuditEvent.at >= wanted.since)
    if wanted.until is not None:
        found.append(AuditEvent.at < wanted.until)
    if wanted.words:
        found.append(_says(tenant_id, wanted))
    return found


def _says(tenant_id: str | None, wanted: LogFilter) -> ColumnElement[bool]:
    """That a record has to do with a person, an address, a client or an event of these words."""
    words = wanted.words.strip()
    people = _people(words, tenant_id)
    clients = list(
        db.session.scalars(
            select(ClientRow.client_id)
            .where(
                or_(naming(ClientRow.search_text, words), ClientRow.client_id == words),
                true() if tenant_id is None else _of_company_or_all(tenant_id),
            )
            .limit(_FOUND)
        )
    )
    return or_(
        AuditEvent.actor.in_([*people, *clients]),
        AuditEvent.subject.in_(people),
        AuditEvent.client_id.in_(clients),
        AuditEvent.event.in_(sorted(wanted.word_events)),
        AuditEvent.ip == words[:64],
    )


def _of_company_or_all(tenant_id: str) -> ColumnElement[bool]:
    return or_(ClientRow.tenant_id == tenant_id, ClientRow.tenant_id.is_(None))


def _people(words: str, tenant_id: str | None) -> list[str]:
    """Subjects of the people whose name or address has every one of the words."""
    query = select(Account.subject)
    if tenant_id is not None:
        query = query.join(Membership, Membership.account_id == Account.id).where(
            Membership.tenant_id == tenant_id
        )
    query = query.where(mentioning(Account.search_text, words))
    return list(db.session.scalars(query.order_by(Account.id).limit(_FOUND)))


def _newest(
    conditions: Sequence[ColumnElement[bool]], person: str, limit: int
) -> Sequence[AuditEvent]:
    newest = select(AuditEvent).order_by(AuditEvent.seq.desc()).limit(limit)
    if not person:
        return db.session.scalars(newest.where(*conditions)).all()
    # An index leads to the records about a person and another to those by them; neither to both.
    numbers = select(AuditEvent.seq).where(*conditions).order_by(AuditEvent.seq.desc()).limit(limit)
    about = numbers.where(AuditEvent.subject == person).subquery()
    by = numbers.where(AuditEvent.actor == person).subquery()
    either = union(select(about.c.seq), select(by.c.seq)).subquery()
    chain = conditions[0]
    return db.session.scalars(newest.where(chain, AuditEvent.seq.in_(select(either.c.seq)))).all()


def _oldest_first(tenant_id: str | None, wanted: LogFilter) -> Iterator[Sequence[AuditEvent]]:
    conditions = _conditions(tenant_id, wanted)
    if wanted.person:
        concerns = AuditEvent.subject == wanted.person, AuditEvent.actor == wanted.person
        conditions.append(or_(*concerns))
    query = select(AuditEvent).where(*conditions).order_by(AuditEvent.seq).limit(_CHUNK)
    some = query
    while rows := db.session.scalars(some).all():
        yield rows
        if len(rows) < _CHUNK:
            return
        some = query.where(AuditEvent.seq > rows[-1].seq)
        for row in rows:
            db.session.expunge(row)


def _named(rows: Sequence[AuditEvent], tenant_id: str | None, reader: Actor) -> tuple[LogRow, ...]:
    names = Names(rows, None if reader.is_operator else tenant_id)
    actors = [names.party(row.actor, row) for row in rows]
    return tuple(
        LogRow(
            seq=row.seq,
            at=row.at,
            category=row.category,
            event=row.event,
            succeeded=row.outcome == "success",
            actor=actor,
            subject=names.party(row.subject, row) if row.subject != row.actor else Party(),
            client_name=names.client(row.client_id),
            ip=(row.ip or "") if actor.kind != "operator" else "",
            detail=row.detail,
        )
        for row, actor in zip(rows, actors, strict=True)
    )
