"""Marks of what has ended before its time: ``ended:<family | jti | sid>`` in Redis.

Access tokens are self-contained; userinfo and introspection ask for these marks in the one trip
they make anyway. A mark outlives every access token it can concern, and no more.
"""

from idp.infra.ephemeral import EphemeralStore
from idp.settings import Lifetimes

_MARGIN = 60


def ended_key(ended: str) -> str:
    """The key of the mark for a family, a token's ``jti`` or a session's ``sid``."""
    return f"ended:{ended}"


class Endings:
    """Ends families, single tokens and sessions for everything that was issued to them."""

    def __init__(self, store: EphemeralStore, lifetimes: Lifetimes) -> None:
        self._store = store
        self._ttl = lifetimes.access_token + _MARGIN

    def mark(self, *ended: str, seconds: int = 0) -> None:
        """End these, in one trip; ``seconds``: how long one lives that was made to live longer."""
        if not ended:
            return
        batch = self._store.batch()
        for name in ended:
            batch.put(ended_key(name), b"1", max(self._ttl, seconds + _MARGIN))
        batch.run()

    def is_marked(self, ended: str) -> bool:
        """Whether it has ended."""
        return self._store.get(ended_key(ended)) is not None
