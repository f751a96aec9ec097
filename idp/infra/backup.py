"""One consistent copy of the database in one file, and back (``idp backup``, ``idp restore``).

The archive is a zip of JSON lines, one member a table, in the order foreign keys allow, so it can
be read without us and moves between SQLite and PostgreSQL. Sealed values stay sealed: the archive
is of no use without the master key, which it does not hold. Redis is not part of it.
"""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, Table, func, select, type_coerce
from sqlalchemy.types import TypeDecorator

from idp.infra import migrate
from idp.infra.database import Base
from idp.infra.private_files import create_private
from idp.settings import Settings

FORMAT = 1
_MANIFEST = "manifest.json"
_BATCH = 500


class BackupRefused(Exception):
    """The archive cannot be written or put back, with the reason."""


def write_backup(settings: Settings, target: Path, at: datetime) -> dict[str, int]:
    """Write the archive; rows by table. ``at`` goes into its manifest."""
    counts: dict[str, int] = {}
    partial = target.with_name(target.name + ".part")
    with migrate.migration_engine(settings).connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with (
            connection.begin(),
            create_private(partial) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for table in Base.metadata.sorted_tables:
                with archive.open(f"{table.name}.jsonl", "w") as raw:
                    out = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
                    counts[table.name] = 0
                    for row in _rows(connection, table):
                        out.write(json.dumps(row, ensure_ascii=False) + "\n")
                        counts[table.name] += 1
                    out.detach()
            manifest = {
                "format": FORMAT,
                "revision": migrate.current_head(settings),
                "at": at.isoformat(),
                "rows": counts,
            }
            archive.writestr(_MANIFEST, json.dumps(manifest, indent=2))
    partial.replace(target)
    return counts


def restore_backup(settings: Settings, source: Path) -> dict[str, int]:
    """Put an archive into a database that is migrated and empty; rows by table.

    :raises BackupRefused: another schema, a database with accounts in it, or no archive of ours.
    """
    try:
        with zipfile.ZipFile(source) as archive, migrate.exclusive(settings) as connection:
            manifest = json.loads(archive.read(_MANIFEST))
            _check(manifest, connection, settings)
            with connection.begin():
                for table in Base.metadata.sorted_tables:
                    _fill(connection, table, archive)
            return {name: int(count) for name, count in manifest["rows"].items()}
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError, OSError) as error:
        raise BackupRefused(f"this is not a backup of Einlass: {error}") from error


def _check(manifest: dict[str, Any], connection: Connection, settings: Settings) -> None:
    head = migrate.current_head(settings)
    if manifest["format"] != FORMAT or manifest["revision"] != head:
        raise BackupRefused(
            f"the backup has schema {manifest['revision']}, the database {head}: restore with the "
            "release that wrote it, then migrate"
        )
    for name in ("accounts", "tenants", "clients"):
        table = Base.metadata.tables[name]
        if connection.execute(select(func.count()).select_from(table)).scalar():
            raise BackupRefused(f"the database is not empty: it has {name}")
    connection.rollback()


def _rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    columns = [_stored(column) for column in table.columns]
    result = connection.execution_options(yield_per=_BATCH).execute(select(*columns))
    for row in result.mappings():
        yield {name: _plain(value) for name, value in row.items()}


def _fill(connection: Connection, table: Table, archive: zipfile.ZipFile) -> None:
    # Signing keys are made at the first start; those of the backup take their place.
    connection.execute(table.delete())
    batch: list[dict[str, Any]] = []
    with archive.open(f"{table.name}.jsonl") as raw:
        for line in io.TextIOWrapper(raw, encoding="utf-8"):
            stored = json.loads(line)
            batch.append({name: _value(value) for name, value in stored.items()})
            if len(batch) == _BATCH:
                _insert(connection, table, batch)
                batch = []
    if batch:
        _insert(connection, table, batch)


def _insert(connection: Connection, table: Table, batch: list[dict[str, Any]]) -> None:
    values = {
        name: type_coerce(_parameter(table.columns[name]), table.columns[name].type)
        for name in batch[0]
    }
    connection.execute(table.insert().values(values), batch)


def _parameter(column: "Column[Any]") -> Any:
    from sqlalchemy import bindparam

    return bindparam(column.name, type_=_stored_type(column))


def _stored_type(column: "Column[Any]") -> Any:
    """A sealed column's type as the database sees it: bytes, still sealed."""
    kind = column.type
    if isinstance(kind, TypeDecorator) and isinstance(kind.impl_instance, LargeBinary):
        return LargeBinary()
    return kind


def _stored(column: "Column[Any]") -> Any:
    return type_coerce(column, _stored_type(column)).label(column.name)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$at": value.astimezone(UTC).isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    return value


def _value(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        if "$at" in value:
            return datetime.fromisoformat(value["$at"])
        if "$bytes" in value:
            return base64.b64decode(value["$bytes"])
    return value
