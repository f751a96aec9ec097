"""What a person is about to set up on their account page, kept until it is confirmed.

One entry for each kind and session, sealed, since a TOTP key is a secret and a telephone number is
nobody's business. Called by ``authn.factors.own_factors``.
"""

import json
from typing import Any

from idp.infra.ephemeral import EphemeralStore
from idp.infra.sealing import Sealer

_SEAL = "authn.setup"


class Setups:
    """Begun set-ups. ``lifetime`` is in seconds."""

    def __init__(self, store: EphemeralStore, sealer: Sealer, lifetime: int) -> None:
        self._store = store
        self._sealer = sealer
        self._lifetime = lifetime

    def find(self, kind: str, account_id: str, sid: str) -> dict[str, Any] | None:
        """What was begun in this session, if it is not too old."""
        sealed = self._store.get(_key(kind, account_id, sid))
        return None if sealed is None else self._open(sealed)

    def begin(self, kind: str, account_id: str, sid: str, values: dict[str, Any]) -> None:
        """Begin, in place of what was begun before."""
        self._store.put(_key(kind, account_id, sid), self._seal(values), self._lifetime)

    def begin_once(
        self, kind: str, account_id: str, sid: str, values: dict[str, Any]
    ) -> dict[str, Any]:
        """Begin unless something was begun already; what counts from now on."""
        key = _key(kind, account_id, sid)
        sealed = self._seal(values)
        if not self._store.put(key, sealed, self._lifetime, only_new=True):
            sealed = self._store.get(key) or sealed
        return self._open(sealed)

    def end(self, kind: str, account_id: str, sid: str) -> None:
        """It is confirmed, or given up."""
        self._store.delete(_key(kind, account_id, sid))

    def _seal(self, values: dict[str, Any]) -> bytes:
        return self._sealer.seal(json.dumps(values).encode(), _SEAL)

    def _open(self, sealed: bytes) -> dict[str, Any]:
        opened: dict[str, Any] = json.loads(self._sealer.unseal(sealed, _SEAL))
        return opened


def _key(kind: str, account_id: str, sid: str) -> str:
    return f"factor-setup:{kind}:{account_id}:{sid}"
