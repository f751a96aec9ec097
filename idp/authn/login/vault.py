"""Seals what a login transaction must remember and nobody may read in Redis."""

from idp.infra.sealing import Sealer

_CONTEXT = "authn.transaction"


class Vault:
    """Text in, sealed text out, and back."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal(self, value: str) -> str:
        """The value, unreadable without the master key."""
        return self._sealer.seal(value.encode(), _CONTEXT).hex()

    def unseal(self, sealed: str) -> str:
        """The reverse of :meth:`seal`."""
        return self._sealer.unseal(bytes.fromhex(sealed), _CONTEXT).decode()
