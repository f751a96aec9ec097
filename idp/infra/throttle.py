"""How often something may be tried (security rule 9): counters in Redis, so a rollback keeps them.

What calls it: everything that can be guessed or made to send mail. Where tries may come in
parallel, ``attempt`` counts first and refuses after, so fifty at once are still fifty.
"""

import hashlib
from dataclasses import dataclass

from idp.infra.ephemeral import EphemeralStore

_REMEMBERED = 30 * 86400
"""Seconds for which a try that was not told of waits to be told with another one."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``limit`` times within ``window`` seconds of the first."""

    name: str
    limit: int
    window: int


class Throttled(Exception):
    """Too often; worth trying again after ``retry_after`` seconds."""

    def __init__(self, rule: Limit, retry_after: int) -> None:
        super().__init__(f"{rule.name}: again in {retry_after} s")
        self.rule = rule
        self.retry_after = retry_after


Counted = tuple[Limit, *tuple[str, ...]]
"""A rule, and what it counts for."""


class Throttle:
    """Counts tries per rule and whatever ``parts`` name: an account, a factor, a network."""

    def __init__(self, store: EphemeralStore) -> None:
        self._store = store

    @staticmethod
    def key(rule: Limit, *parts: str) -> str:
        """Where the counter is kept; addresses and names are not readable there."""
        named = hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        return f"throttle:{rule.name}:{named[:32]}"

    def check(self, rule: Limit, *parts: str) -> None:
        """Raise :class:`Throttled` when the limit is reached; counts nothing."""
        key = self.key(rule, *parts)
        count, left = self._store.batch().get(key).remaining(key).run()
        if count is not None and int(count) >= rule.limit:
            raise Throttled(rule, max(1, int(left)))

    def hit(self, rule: Limit, *parts: str) -> int:
        """Count one try; the number within the window."""
        return self._store.increment(self.key(rule, *parts), rule.window)

    def attempt(self, rule: Limit, *parts: str) -> None:
        """Count one try and raise :class:`Throttled` when it is one too many."""
        key = self.key(rule, *parts)
        count, left = self._store.batch().increment(key, rule.window).remaining(key).run()
        if int(count) > rule.limit:
            raise Throttled(rule, max(1, int(left)))

    def admit(self, counted: Counted, *checked: Counted) -> None:
        """:meth:`attempt` the one and :meth:`check` the others, in one trip; each is a rule with
        its parts.
        """
        batch = self._store.batch()
        for rule, *parts in checked:
            key = self.key(rule, *parts)
            batch.get(key).remaining(key)
        rule, *parts = counted
        key = self.key(rule, *parts)
        found = batch.increment(key, rule.window).remaining(key).run()
        for (checked_rule, *_), count, left in zip(checked, found[::2], found[1::2], strict=False):
            if count is not None and int(count) >= checked_rule.limit:
                raise Throttled(checked_rule, max(1, int(left)))
        if int(found[-2]) > rule.limit:
            raise Throttled(rule, max(1, int(found[-1])))

    def give_back(self, rule: Limit, *parts: str) -> None:
        """Take one counted try back: it turned out to be none."""
        self._store.decrement(self.key(rule, *parts))

    def to_tell(self, rule: Limit, *parts: str) -> int:
        """Count one try; for how many it stands if it is one to be told of, else 0.

        Told of are the first within the window, the tenth, the hundredth, and so on; each stands
        for those since the one before as well, however long ago that was told.
        """
        key = self.key(rule, *parts)
        number = self._store.increment(key, rule.window)
        if str(number).rstrip("0") == "1":
            return 1 + int(self._store.take(f"{key}:untold") or 0)
        self._store.increment(f"{key}:untold", _REMEMBERED)
        return 0

    def clear(self, rule: Limit, *parts: str) -> None:
        """Forget the tries, after a success."""
        self._store.delete(self.key(rule, *parts))
