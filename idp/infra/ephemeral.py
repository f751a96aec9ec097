"""What lives seconds to hours, in one real Redis: sessions, sign-ins, codes, counters, marks.

Every verb is atomic; single use is one verb (``take``, ``replace``, ``put(only_new=True)``), never
"read, then delete". Each kind of value has its own key prefix, given by its owner, so none can be
presented as another. With the server away every verb raises :class:`StoreUnavailable`.

``fetch`` and ``batch`` also carry the version of what processes keep in memory (clients, policies,
keys): a process that sees a version it has not seen drops its caches before it goes on. After
a failed connection they are dropped too, since the server may have lost a change of version.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

from redis.exceptions import ResponseError

from idp.core.randomness import Randomness
from idp.infra.redis_link import AWAY, Command, DirectLink, Link, connect

CACHES = "caches"
"""The version of what is cached in processes: a random value, so a restart cannot repeat one."""

Value = bytes | str

_REPLACE = (
    "if redis.call('GET',KEYS[1])==ARGV[1] then "
    "redis.call('SET',KEYS[1],ARGV[2],'EX',ARGV[3]) return 1 end return 0"
)
_INCREMENT = (
    "local n=redis.call('INCR',KEYS[1]) "
    "if n==1 then redis.call('EXPIRE',KEYS[1],ARGV[1]) end return n"
)
_DECREMENT = (
    "if redis.call('EXISTS',KEYS[1])==0 then return 0 end return redis.call('DECR',KEYS[1])"
)
_UNSEEN = object()


class StoreUnavailable(Exception):
    """Redis cannot be reached or cannot answer; worth trying again later."""


def _truth(replies: list[Any]) -> bool:
    return bool(replies[0])


def _first(replies: list[Any]) -> Any:
    return replies[0]


def _mapping(replies: list[Any]) -> dict[str, bytes]:
    reply = replies[0]
    if isinstance(reply, Mapping):
        return {field.decode(): value for field, value in reply.items()}
    pairs = iter(reply)
    return {field.decode(): value for field, value in zip(pairs, pairs, strict=True)}


def _put(key: str, value: Value, ttl: int, only_new: bool) -> Command:
    # A lifetime that is over already still needs a positive number for the server.
    command: Command = ("SET", key, value, "EX", max(1, ttl))
    return (*command, "NX") if only_new else command


class Batch:
    """Verbs queued for one trip; ``run`` gives each one's result in the order they were queued."""

    def __init__(self, store: "EphemeralStore") -> None:
        self._store = store
        self._commands: list[Command] = []
        self._readers: list[tuple[int, Callable[[list[Any]], Any]]] = []

    def _add(self, reader: Callable[[list[Any]], Any], *commands: Command) -> Self:
        self._commands.extend(commands)
        self._readers.append((len(commands), reader))
        return self

    def get(self, key: str) -> Self:
        """Result: the value, or None."""
        return self._add(_first, ("GET", key))

    def put(self, key: str, value: Value, ttl: int, *, only_new: bool = False) -> Self:
        """Result: whether it was stored."""
        return self._add(_truth, _put(key, value, ttl, only_new))

    def take(self, key: str) -> Self:
        """Result: the value, now removed, or None."""
        return self._add(_first, ("GETDEL", key))

    def replace(self, key: str, expected: Value, value: Value, ttl: int) -> Self:
        """Result: whether the expected value was there and has been replaced."""
        return self._add(_truth, ("EVAL", _REPLACE, 1, key, expected, value, max(1, ttl)))

    def increment(self, key: str, ttl: int) -> Self:
        """Result: the counter after adding one; its life begins with the first."""
        return self._add(_first, ("EVAL", _INCREMENT, 1, key, max(1, ttl)))

    def delete(self, *keys: str) -> Self:
        """Result: True."""
        return self._add(lambda _: True, *[("DEL", key) for key in keys])

    def expire(self, key: str, ttl: int) -> Self:
        """Result: whether the key was there; it now lives that long."""
        return self._add(_truth, ("EXPIRE", key, max(1, ttl)))

    def remaining(self, key: str) -> Self:
        """Result: seconds the key has left; negative where there is none."""
        return self._add(_first, ("TTL", key))

    def hash_put(self, key: str, field: str, value: Value, ttl: int) -> Self:
        """Result: True; the whole hash now lives that long."""
        commands: tuple[Command, ...] = (
            ("HSET", key, field, value),
            ("EXPIRE", key, max(1, ttl)),
        )
        return self._add(lambda _: True, *commands)

    def hash_all(self, key: str) -> Self:
        """Result: every field and value."""
        return self._add(_mapping, ("HGETALL", key))

    def hash_delete(self, key: str, field: str) -> Self:
        """Result: whether the field was there."""
        return self._add(_truth, ("HDEL", key, field))

    def keep(self, key: str, value: Value, at: int, *, most: int, ttl: int) -> Self:
        """Result: True; the value is among the ``most`` latest of its key, ordered by ``at``
        (seconds), and gone ``ttl`` seconds later.
        """
        commands: tuple[Command, ...] = (
            ("ZADD", key, at, value),
            ("ZREMRANGEBYRANK", key, 0, -most - 1),
            ("ZREMRANGEBYSCORE", key, "-inf", at - ttl),
            ("EXPIRE", key, max(1, ttl)),
        )
        return self._add(lambda _: True, *commands)

    def kept(self, key: str, since: int) -> Self:
        """Result: the values kept since, latest first."""
        return self._add(_first, ("ZREVRANGEBYSCORE", key, "+inf", since))

    def count_kept(self, key: str, since: int) -> Self:
        """Result: how many there are since."""
        return self._add(_first, ("ZCOUNT", key, since, "+inf"))

    def run(self) -> list[Any]:
        """Do everything queued, in one trip."""
        replies = self._store.trip([("GET", CACHES), *self._commands], repeatable=False)
        self._store.saw_version(replies[0])
        results = []
        position = 1
        for count, reader in self._readers:
            results.append(reader(replies[position : position + count]))
            position += count
        return results


class EphemeralStore:
    """The verbs. One per process is enough; any number of threads may use it."""

    def __init__(self, url: str, randomness: Randomness | None = None) -> None:
        self._url = url
        self._randomness = randomness or Randomness()
        self._link: Link | None = None
        self._version: object = _UNSEEN
        self._stale_callbacks: list[Callable[[], None]] = []
        self.generation = 0
        """Grows whenever caches were dropped: what was read before must not be cached after."""

    def on_stale(self, callback: Callable[[], None]) -> None:
        """Register what drops a cache; it may run in any thread, and more often than needed."""
        self._stale_callbacks.append(callback)

    def saw_version(self, version: bytes | None) -> None:
        """Drop every cache if this version was not the last one seen."""
        if version != self._version:
            self.generation += 1
            for callback in self._stale_callbacks:
                callback()
            # Only now: until the caches are dropped, other threads must drop them as well.
            self._version = version

    def _forget_version(self) -> None:
        self._version = _UNSEEN

    def trip(self, commands: list[Command], *, repeatable: bool) -> list[Any]:
        """Send commands in one trip; for :class:`Batch` and the verbs below."""
        try:
            if self._link is None:
                self._link = connect(self._url, self._forget_version)
            return self._link.run(commands, repeatable=repeatable)
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {type(error).__name__}") from error
        except ResponseError as error:
            if str(error).startswith(("MISCONF", "NOREPLICAS", "LOADING")):
                raise StoreUnavailable("Redis takes no changes") from error
            raise

    def fetch(self, *keys: str) -> list[bytes | None]:
        """Several values in one trip, after dropping caches that became stale."""
        if isinstance(self._link, DirectLink):
            values = self.trip([("MGET", CACHES, *keys)], repeatable=True)[0]
        else:
            commands: list[Command] = [("GET", key) for key in (CACHES, *keys)]
            values = self.trip(commands, repeatable=True)
        if values[0] != self._version:
            self.saw_version(values[0])
        return values[1:]  # type: ignore[no-any-return]

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        value: bytes | None = self.trip([("GET", key)], repeatable=True)[0]
        return value

    def put(self, key: str, value: Value, ttl: int, *, only_new: bool = False) -> bool:
        """Store for ``ttl`` seconds; with ``only_new`` not over another. Whether it was stored."""
        command = _put(key, value, ttl, only_new)
        return bool(self.trip([command], repeatable=not only_new)[0])

    def take(self, key: str) -> bytes | None:
        """The value, removed in the same step: of many who ask, one gets it."""
        value: bytes | None = self.trip([("GETDEL", key)], repeatable=False)[0]
        return value

    def replace(self, key: str, expected: Value, value: Value, ttl: int) -> bool:
        """Replace exactly the expected value; False if it is another one, or gone."""
        return bool(self.batch().replace(key, expected, value, ttl).run()[0])

    def increment(self, key: str, ttl: int) -> int:
        """Count one more; the counter's life begins with the first."""
        return int(self.batch().increment(key, ttl).run()[0])

    def decrement(self, key: str) -> None:
        """Count one less, where something is counted."""
        self.trip([("EVAL", _DECREMENT, 1, key)], repeatable=False)

    def delete(self, *keys: str) -> None:
        """Remove the keys, where they are there."""
        if keys:
            self.trip([("DEL", key) for key in keys], repeatable=True)

    def hash_put(self, key: str, field: str, value: Value, ttl: int) -> None:
        """Set one field of a hash, which now lives ``ttl`` seconds."""
        commands: list[Command] = [("HSET", key, field, value), ("EXPIRE", key, max(1, ttl))]
        self.trip(commands, repeatable=True)

    def hash_all(self, key: str) -> dict[str, bytes]:
        """Every field of a hash; empty where there is none."""
        return _mapping(self.trip([("HGETALL", key)], repeatable=True))

    def hash_delete(self, key: str, field: str) -> bool:
        """Remove one field of a hash; whether it was there."""
        return bool(self.trip([("HDEL", key, field)], repeatable=True)[0])

    def batch(self) -> Batch:
        """Queue several verbs for one trip."""
        return Batch(self)

    def bump_caches(self) -> None:
        """Make every process, this one too, drop what it caches; called after a commit."""
        version = self._randomness.token(12)
        self.trip([("SET", CACHES, version)], repeatable=True)
        self.saw_version(version.encode())

    def signal(self, key: str) -> None:
        """Wake one that waits for the key, or the next that will."""
        commands: list[Command] = [("LPUSH", key, "1"), ("LTRIM", key, 0, 0), ("EXPIRE", key, 60)]
        self.trip(commands, repeatable=True)

    def wait(self, key: str, seconds: int) -> bool:
        """Wait for a signal; False if none came in time."""
        try:
            if self._link is None:
                self._link = connect(self._url, self._forget_version)
            return self._link.wait(("BLPOP", key, seconds), seconds) is not None
        except AWAY as error:
            raise StoreUnavailable(f"Redis is away: {type(error).__name__}") from error

    def ping(self) -> None:
        """Raise :class:`StoreUnavailable` unless the server answers."""
        self.trip([("PING",)], repeatable=True)

    def close(self) -> None:
        """Close idle connections."""
        if self._link is not None:
            self._link.close()
