"""How commands travel to Redis: one send and one wait for any number of them.

Only ``infra.ephemeral`` calls this. ``DirectLink`` speaks to one server (TCP, TLS, Unix socket, or
the master that Sentinel names) through connections of redis-py it keeps itself: its client's own
path costs about three times the processor time. ``ClusterLink`` leaves routing to redis-py.
Connections belong to one process; after a fork the child opens its own.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis
from redis import ConnectionPool, RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    ClusterError,
    ConnectionError,
    MasterDownError,
    MovedError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    ResponseError,
    TimeoutError,
    TryAgainError,
)
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool
from typing_extensions import override

Command = tuple[str | bytes | int, ...]

TIMEOUT = 2.0
"""Seconds to connect, and to wait for an answer."""
TIMES = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}

AWAY: tuple[type[BaseException], ...] = (
    ConnectionError,
    TimeoutError,
    OSError,
    BusyLoadingError,
    ReadOnlyError,
    MasterDownError,
    OutOfMemoryError,
    ClusterDownError,
    ClusterError,
    RedisClusterException,
    TryAgainError,
    MovedError,
    AskError,
)
"""What redis-py raises when the server cannot do what it usually can."""


class Link(Protocol):
    """The way to a Redis."""

    def run(self, commands: Sequence[Command], *, repeatable: bool) -> list[Any]:
        """The reply to each command, in one trip; an error reply is raised once all are read.

        ``repeatable``: doing it twice does no harm, so it is sent again if an idle connection
        turns out to be dead. Anything else is sent once, and its failure is the caller's.
        """
        ...

    def wait(self, command: Command, seconds: float) -> Any:
        """The reply to a command that may take that long."""
        ...

    def close(self) -> None:
        """Close idle connections."""
        ...


def _pack(commands: Sequence[Command]) -> bytes:
    return b"".join([hiredis.pack_command(cast(Any, command)) for command in commands])


class DirectLink(Link):
    """One server, or whichever one Sentinel calls the master."""

    def __init__(self, pool: ConnectionPool, on_failure: Callable[[], None]) -> None:
        self._pool = pool
        self._on_failure = on_failure
        self._idle: list[Any] = []
        self._pid = os.getpid()

    def _connection(self) -> tuple[Any, bool]:
        """A connection and whether it was used before; the one used last, as it is likely alive."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._idle = []
        try:
            return self._idle.pop(), True
        except IndexError:
            return self._pool.make_connection(), False

    @override
    def run(self, commands: Sequence[Command], *, repeatable: bool) -> list[Any]:
        packed = _pack(commands)
        connection, used = self._connection()
        try:
            if used and not repeatable:
                self._revive(connection)
            try:
                return self._exchange(connection, packed, len(commands), None)
            except ConnectionError:
                if not (used and repeatable):
                    raise
                self._on_failure()
                return self._exchange(connection, packed, len(commands), None)
        except AWAY:
            self._on_failure()
            raise
        finally:
            self._idle.append(connection)

    @override
    def wait(self, command: Command, seconds: float) -> Any:
        connection, used = self._connection()
        try:
            if used:
                self._revive(connection)
            packed = _pack([command])
            return self._exchange(connection, packed, 1, seconds + TIMEOUT)[0]
        except AWAY:
            self._on_failure()
            raise
        finally:
            self._idle.append(connection)

    def _revive(self, connection: Any) -> None:
        """Replace a connection that the server closed while it was idle."""
        try:
            sound = connection.is_connected and not connection.can_read(0)
        except AWAY:
            sound = False
        if not sound:
            self._on_failure()
            connection.disconnect()

    @staticmethod
    def _exchange(connection: Any, packed: bytes, count: int, timeout: float | None) -> list[Any]:
        error: ResponseError | None = None
        replies: list[Any] = []
        complete = False
        try:
            if not connection.is_connected:
                connection.connect()  # for Sentinel this also asks who the master is
            connection.send_packed_command((packed,), check_health=False)
            for _ in range(count):
                try:
                    if timeout is None:
                        replies.append(connection.read_response())
                    else:
                        replies.append(connection.read_response(timeout=timeout))
                except ResponseError as refusal:
                    error = error or refusal
            complete = True
        finally:
            if not complete:  # never leave a reply behind for the next one to read
                connection.disconnect()
        if error is not None:
            raise error
        return replies

    @override
    def close(self) -> None:
        while self._idle:
            self._idle.pop().disconnect()
        if isinstance(self._pool, SentinelConnectionPool):
            for sentinel in self._pool.sentinel_manager.sentinels:
                sentinel.close()


class ClusterLink(Link):
    """A Redis Cluster; the keys of one trip may live on several nodes."""

    def __init__(self, client: RedisCluster, on_failure: Callable[[], None]) -> None:
        self._client = client
        self._on_failure = on_failure

    @override
    def run(self, commands: Sequence[Command], *, repeatable: bool) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        try:
            return list(pipeline.execute())
        except AWAY:
            self._on_failure()
            raise

    @override
    def wait(self, command: Command, seconds: float) -> Any:
        try:
            return self._client.execute_command(*command)
        except AWAY:
            self._on_failure()
            raise

    @override
    def close(self) -> None:
        self._client.close()


def _hosts(netloc: str, default_port: int) -> tuple[dict[str, str], list[tuple[str, int]]]:
    """Credentials and the addresses of ``user:password@host:port,host:port``."""
    userinfo, _, addresses = netloc.rpartition("@")
    name, _, password = userinfo.partition(":")
    credentials = {"username": unquote(name), "password": unquote(password)}
    nodes = []
    for address in addresses.split(","):
        parts = urlsplit(f"//{address}")
        nodes.append((parts.hostname or "localhost", parts.port or default_port))
    return {key: value for key, value in credentials.items() if value}, nodes


def _sentinel(url: str, common: dict[str, Any]) -> ConnectionPool:
    """Connections to the master that ``redis+sentinel://host,host/MASTER/DATABASE`` names."""
    parts = urlsplit(url)
    credentials, nodes = _hosts(parts.netloc, 26379)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    tls = {"ssl": True} if query.get("ssl", "").lower() in ("1", "true", "yes") else {}
    options: dict[str, Any] = {**TIMES, **tls}
    for key in ("username", "password"):  # Sentinel's own, where it asks for them
        if f"sentinel_{key}" in query:
            options[key] = query[f"sentinel_{key}"]
    master, _, database = parts.path.strip("/").partition("/")
    client = Sentinel(nodes, sentinel_kwargs=options).master_for(
        master, db=int(database or 0), **credentials, **common, **tls
    )
    return cast(ConnectionPool, client.connection_pool)


def _cluster(url: str) -> RedisCluster:
    parts = urlsplit(url)
    credentials, nodes = _hosts(parts.netloc, 6379)
    options: dict[str, Any] = {
        **TIMES,
        **credentials,
        "protocol": 2,
        "ssl": parts.scheme == "rediss+cluster",
        "startup_nodes": [ClusterNode(host, port) for host, port in nodes],
    }
    return RedisCluster(**options)


def connect(url: str, on_failure: Callable[[], None]) -> Link:
    """The link for a URL; nothing is sent yet, except that a cluster is asked for its nodes."""
    if url.startswith(("redis+cluster://", "rediss+cluster://")):
        return ClusterLink(_cluster(url), on_failure)
    # As many connections as threads ask for; redis-py is not to try again by itself.
    common: dict[str, Any] = {
        **TIMES,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "max_connections": 100_000,
    }
    if url.startswith("redis+sentinel://"):
        return DirectLink(_sentinel(url, common), on_failure)
    return DirectLink(ConnectionPool.from_url(url, driver_info=None, **common), on_failure)
