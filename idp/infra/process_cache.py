"""A cache in the process's memory that the shared version in Redis makes stale (performance rules).

What calls it: the client registry, the tenant directory, the snapshots of people, access tokens. A
value is kept only if nothing became stale while it was read, so a slow reader cannot put an old
value back.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from idp.infra.ephemeral import EphemeralStore

K = TypeVar("K")
V = TypeVar("V")


class ProcessCache(Generic[K, V]):
    """Values by key; None is not kept, so what does not exist yet is asked for again."""

    def __init__(
        self, store: EphemeralStore, load: Callable[[K], V | None], limit: int = 10000
    ) -> None:
        self._store = store
        self._load = load
        self._limit = limit
        self._values: dict[K, V] = {}
        store.on_stale(self.clear)

    def get(self, key: K) -> V | None:
        """The value, read by ``load`` at first."""
        value = self._values.get(key)
        if value is None:
            generation = self._store.generation
            value = self._load(key)
            if value is not None and generation == self._store.generation:
                if len(self._values) >= self._limit:
                    self._values.clear()
                self._values[key] = value
        return value

    def clear(self) -> None:
        """Drop everything."""
        self._values = {}


class Recent(Generic[K, V]):
    """What was worked out lately, by the whole of what it was worked out from.

    Up to twice ``limit`` are kept: when one generation is full the one before it goes.
    """

    def __init__(self, store: EphemeralStore, limit: int) -> None:
        self._store = store
        self._limit = limit
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        store.on_stale(self.clear)

    @property
    def generation(self) -> int:
        """To be noted before working a value out, and given to :meth:`keep`."""
        return self._store.generation

    def get(self, key: K) -> V | None:
        """The value, if it is still there."""
        value = self._young.get(key)
        return value if value is not None else self._old.get(key)

    def keep(self, key: K, value: V, generation: int) -> None:
        """Keep a value, unless something became stale since that generation."""
        if generation != self._store.generation:
            return
        if len(self._young) >= self._limit:
            self._old, self._young = self._young, {}
        self._young[key] = value

    def clear(self) -> None:
        """Drop everything."""
        self._young, self._old = {}, {}
