"""What is wrong with a chain of the change log: ``idp audit verify``.

Found are an edited, missing, added, moved or exchanged record, a cut tail, a chain that is gone as
a whole, a forged head and a forged base. Appending and letting go may happen meanwhile: neither is
taken for tampering. An export made earlier is held against the chain as well, which shows even a
chain that was put back to an older state, head and all.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select

from idp.infra.audit_records import (
    FIRST,
    PAGE,
    AuditEvent,
    AuditHead,
    AuditKeys,
    base_of,
    end_of,
    head_of,
)
from idp.infra.database import db

ProblemKind = Literal["edit", "gap", "cut tail", "forged base", "foreign key"]
_TRIES = 3
_LONGEST_LINE = 100_000
"""Characters of a record in a file; ours are a few hundred."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was found, in which chain and at which record."""

    chain: str
    seq: int
    kind: ProblemKind
    text: str


@dataclass(frozen=True, slots=True)
class Joined:
    """How the records of a file stand to a chain of the log; ``base``: the last one let go."""

    chain: str
    first: int
    last: int
    base: int

    @property
    def meets(self) -> bool:
        """Whether file and log follow one another without a record missing between them."""
        return self.last >= self.base


def verify_chain(keys: AuditKeys, chain: str) -> list[Problem]:
    """What is wrong with this chain; empty when nothing is."""
    problems: list[Problem] = []
    for _ in range(_TRIES):
        head = head_of(chain)
        before = head.base_seq if head else 0
        problems = list(_walk(keys, chain, head))
        head = head_of(chain)
        if before == (head.base_seq if head else 0):
            break  # nothing was let go meanwhile
    return problems


def _walk(keys: AuditKeys, chain: str, head: AuditHead | None) -> Iterator[Problem]:
    last = 0
    last_hash: str | None = FIRST
    if head is not None and (head.base_seq or head.base_hash or head.base_mac):
        last, last_hash = head.base_seq, head.base_hash or FIRST
        yield from _base(keys, head)
    floor = last
    while True:
        reached = last
        for seq, row in _rows(chain, None if last == floor else last):
            if seq <= floor:
                text = f"record {seq} stands before the beginning of the chain"
                yield Problem(chain, seq, "edit", text)
                continue
            if seq != last + 1:
                text = f"records {last + 1} to {seq - 1} are missing"
                yield Problem(chain, last + 1, "gap", text)
            elif row and last_hash is not None and row.previous_hash != last_hash:
                text = f"record {seq} does not follow from record {last}"
                yield Problem(chain, seq, "edit", text)
            yield from _record(keys, chain, seq, row)
            last, last_hash = seq, row.hash if row else None
        head = head_of(chain)
        if head is None or head.seq <= last or reached == last:
            break  # else something was appended since
    yield from _end(keys, chain, head, last, last_hash)


def _rows(chain: str, after: int | None) -> Iterator[tuple[int, AuditEvent | None]]:
    """Each record with its number; without the record where its columns hold nonsense."""
    query = select(AuditEvent).where(AuditEvent.chain == chain).order_by(AuditEvent.seq)
    numbers = select(AuditEvent.seq).where(AuditEvent.chain == chain).order_by(AuditEvent.seq)
    while True:
        some, plain = query.limit(PAGE), numbers.limit(PAGE)
        if after is not None:
            some, plain = some.where(AuditEvent.seq > after), plain.where(AuditEvent.seq > after)
        try:
            rows: list[tuple[int, AuditEvent | None]] = [(row.seq, row) for row in _all(some)]
        except (ValueError, TypeError):
            rows = [(seq, _one(chain, seq)) for seq in db.session.scalars(plain).all()]
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1][0]
        for _, row in rows:
            if row is not None:
                db.session.expunge(row)


def _all(query: Any) -> list[AuditEvent]:
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def _one(chain: str, seq: int) -> AuditEvent | None:
    query = select(AuditEvent).where(AuditEvent.chain == chain, AuditEvent.seq == seq)
    try:
        return next(iter(_all(query)), None)
    except (ValueError, TypeError):
        return None


def _record(keys: AuditKeys, chain: str, seq: int, row: AuditEvent | None) -> Iterator[Problem]:
    if row is None:
        yield Problem(chain, seq, "edit", f"record {seq} was changed into what nobody can read")
        return
    right = keys.check_row(row)
    if right is None:
        text = f"record {seq} was made with a master key that is not configured"
        yield Problem(chain, seq, "foreign key", text)
    elif not right:
        yield Problem(chain, seq, "edit", f"record {seq} was changed")


def _base(keys: AuditKeys, head: AuditHead) -> Iterator[Problem]:
    chain, seq = head.chain, head.base_seq
    if head.base_mac is not None:
        right = keys.check(base_of(chain, seq, head.base_hash), head.base_mac)
        if right:
            return
        if right is None:
            text = "the base was made with a master key that is not configured"
            yield Problem(chain, seq, "foreign key", text)
            return
    text = f"that the records up to {seq} were let go is not true"
    yield Problem(chain, seq, "forged base", text)


def _end(
    keys: AuditKeys, chain: str, head: AuditHead | None, last: int, last_hash: str | None
) -> Iterator[Problem]:
    if head is None:
        text = "the head of the chain is missing" if last else "the whole chain is missing"
        yield Problem(chain, last + 1, "cut tail", text)
        return
    if head.seq > last:
        text = f"records {last + 1} to {head.seq} were cut off the end"
        yield Problem(chain, last + 1, "cut tail", text)
        return
    right = keys.check(end_of(chain, last, last_hash or ""), head.hash)
    if right is None:
        text = "the head was made with a master key that is not configured"
        yield Problem(chain, last, "foreign key", text)
    elif not right:
        yield Problem(chain, last, "edit", "the head of the chain does not fit its last record")


class NotAnExport(ValueError):
    """The file holds something else than exported records, one JSON object a line."""


def compare(keys: AuditKeys, lines: Iterable[str]) -> tuple[list[Problem], list[Joined]]:
    """An export held against the log: what disagrees, and what the file covers of which chain.

    The records may be a part, or come from several chains; raises :class:`NotAnExport`.
    """
    problems: list[Problem] = []
    covered: dict[str, Joined] = {}
    before: dict[str, tuple[int, str]] = {}
    some: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        record = _read(line, number)
        chain, seq, code = record["chain"], record["seq"], record["hash"]
        right = keys.check_exported(record)
        if right is None:
            text = f"record {seq} of the file was made with a master key that is not configured"
            problems.append(Problem(chain, seq, "foreign key", text))
        elif not right:
            problems.append(Problem(chain, seq, "edit", f"record {seq} of the file was changed"))
        previous = before.get(chain)
        if previous and previous[0] + 1 == seq and previous[1] != record["previous_hash"]:
            text = f"record {seq} of the file does not follow from record {previous[0]}"
            problems.append(Problem(chain, seq, "edit", text))
        before[chain] = (seq, code)
        known = covered.get(chain)
        if known is None:
            head = head_of(chain)
            known = Joined(chain, seq, seq, head.base_seq if head else 0)
        covered[chain] = Joined(chain, min(known.first, seq), max(known.last, seq), known.base)
        some.append({"chain": chain, "seq": seq, "hash": code})
        if len(some) == PAGE:
            problems += _disagreements(some, covered)
            some = []
    problems += _disagreements(some, covered)
    return problems, list(covered.values())


def _read(line: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line.lstrip("\ufeff")) if len(line) <= _LONGEST_LINE else None
        if (
            isinstance(record, dict)
            and isinstance(record["chain"], str)
            and type(record["seq"]) is int
            and abs(record["seq"]) < 2**31
            and isinstance(record["hash"], str)
            and isinstance(record["previous_hash"], str)
        ):
            return record
    except (ValueError, KeyError, RecursionError):
        pass
    raise NotAnExport(f"line {number} is no exported record")


def _disagreements(some: list[dict[str, Any]], covered: dict[str, Joined]) -> Iterator[Problem]:
    for chain in {one["chain"] for one in some}:
        wanted = [one for one in some if one["chain"] == chain]
        query = select(AuditEvent.seq, AuditEvent.hash).where(
            AuditEvent.chain == chain, AuditEvent.seq.in_([one["seq"] for one in wanted])
        )
        stored: dict[int, str] = {row.seq: row.hash for row in db.session.execute(query)}
        head, base = head_of(chain), covered[chain].base
        for one in wanted:
            seq = one["seq"]
            found = head.base_hash if head and seq == base else stored.get(seq)
            if seq < base or found == one["hash"]:
                continue
            if found is None:
                text = f"record {seq} of the file is missing in the log"
                yield Problem(chain, seq, "gap", text)
            else:
                text = f"record {seq} of the file and of the log differ"
                yield Problem(chain, seq, "edit", text)
