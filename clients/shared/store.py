"""The product's sessions in one SQLite file, so that a killed process loses none of them.

A session is found by the digest of its cookie, and by ``sid`` or ``sub`` when the provider says
that it has ended (OIDC Back-Channel Logout §2.7). Each value of a session is its own row: two
tabs that write different values at once do not undo each other. A session that has been ended
meanwhile is never written back to life.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    digest TEXT PRIMARY KEY, sid TEXT, subject TEXT, expires_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS sessions_sid ON sessions (sid);
CREATE INDEX IF NOT EXISTS sessions_subject ON sessions (subject);
CREATE TABLE IF NOT EXISTS session_values (
    digest TEXT NOT NULL REFERENCES sessions (digest) ON DELETE CASCADE,
    name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (digest, name));
CREATE TABLE IF NOT EXISTS logout_tokens (jti TEXT PRIMARY KEY, expires_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ended_sids_at (
    sid TEXT PRIMARY KEY, ended_at INTEGER NOT NULL, expires_at INTEGER NOT NULL);
"""

SWEEPS = (
    "DELETE FROM sessions WHERE expires_at <= ?",
    "DELETE FROM logout_tokens WHERE expires_at <= ?",
    "DELETE FROM ended_sids_at WHERE expires_at <= ?",
)

ENDED_SID_KEPT = 3600
"""Seconds for which a sign-on that was under way when its ``sid`` ended is still refused."""


class Replayed(Exception):
    """This logout token has been used before."""


class SessionStore:
    """Sessions of one product; every write is one transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        with self._write() as connection:
            for statement in SCHEMA.split(";"):
                connection.execute(statement)

    def load(self, digest: str, now: int) -> dict[str, Any] | None:
        """The values of a live session."""
        query = (
            "SELECT v.name, v.value FROM sessions s LEFT JOIN session_values v USING (digest)"
            " WHERE s.digest = ? AND s.expires_at > ?"
        )
        with self._open() as connection:
            rows = connection.execute(query, (digest, now)).fetchall()
        if not rows:
            return None
        return {name: json.loads(value) for name, value in rows if name is not None}

    def create(self, digest: str, values: Mapping[str, Any], expires_at: int, now: int) -> None:
        """Start an anonymous session and sweep what has expired."""
        with self._write() as connection:
            for sweep in SWEEPS:
                connection.execute(sweep, (now,))
            connection.execute(
                "INSERT INTO sessions (digest, expires_at) VALUES (?, ?)", (digest, expires_at)
            )
            self._write_values(connection, digest, values)

    def change(self, digest: str, values: Mapping[str, Any], removed: Iterable[str]) -> bool:
        """Write some values; False when the session has ended meanwhile."""
        with self._write() as connection:
            found = connection.execute("SELECT 1 FROM sessions WHERE digest = ?", (digest,))
            if found.fetchone() is None:
                return False
            self._write_values(connection, digest, values)
            connection.executemany(
                "DELETE FROM session_values WHERE digest = ? AND name = ?",
                [(digest, name) for name in removed],
            )
            return True

    def bind(self, digest: str, sid: str | None, subject: str, began_at: int) -> bool:
        """Note whose session this is; False, and the session gone, when ``sid`` has ended since the
        sign-on began. One that began later is another: the provider's session may go on for another
        company than the one that was told to end.
        """
        with self._write() as connection:
            query = "SELECT 1 FROM ended_sids_at WHERE sid = ? AND ended_at >= ?"
            if connection.execute(query, (sid, began_at)).fetchone():
                connection.execute("DELETE FROM sessions WHERE digest = ?", (digest,))
                return False
            connection.execute(
                "UPDATE sessions SET sid = ?, subject = ? WHERE digest = ?", (sid, subject, digest)
            )
            return True

    def delete(self, digest: str) -> None:
        """End one session."""
        with self._write() as connection:
            connection.execute("DELETE FROM sessions WHERE digest = ?", (digest,))

    def end(
        self, *, sid: str | None, subject: str | None, jti: str, keep_jti: int, now: int
    ) -> int:
        """End what a logout token names, once; the number of sessions ended.

        Raises Replayed for a ``jti`` seen before. Mark and deletion are one transaction, so a
        notice is never used up without its effect.
        """
        with self._write() as connection:
            marked = connection.execute(
                "INSERT OR IGNORE INTO logout_tokens (jti, expires_at) VALUES (?, ?)",
                (jti, keep_jti),
            )
            if marked.rowcount == 0:
                raise Replayed(jti)
            if sid is not None:
                connection.execute(
                    "INSERT OR REPLACE INTO ended_sids_at (sid, ended_at, expires_at)"
                    " VALUES (?, ?, ?)",
                    (sid, now, now + ENDED_SID_KEPT),
                )
            ended = connection.execute(
                "DELETE FROM sessions WHERE subject IS NOT NULL"
                " AND (:sid IS NULL OR sid = :sid) AND (:subject IS NULL OR subject = :subject)",
                {"sid": sid, "subject": subject},
            )
            return ended.rowcount

    @staticmethod
    def _write_values(
        connection: sqlite3.Connection, digest: str, values: Mapping[str, Any]
    ) -> None:
        connection.executemany(
            "INSERT OR REPLACE INTO session_values (digest, name, value) VALUES (?, ?, ?)",
            [(digest, name, json.dumps(value)) for name, value in values.items()],
        )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one operation: threads come and go with the browsers' connections."""
        with closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as connection:
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
            yield connection

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
