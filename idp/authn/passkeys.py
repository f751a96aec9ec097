"""Passkeys and security keys of an account: made, asked for, checked, renamed, removed (M2).

Challenges are stateless: nonce, expiry and an HMAC over what they are for; each counts once. A key
whose signature counter did not grow may have been copied: it signs nobody in any more, the person
is told, and it goes when they remove it (WebAuthn Level 3 §6.1.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from idp.authn.models import WebauthnCredential
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.randomness import Randomness
from idp.infra.audit import Audit
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.infra.sealing import Sealer
from idp.settings import Settings


class PasskeyRefused(Exception):
    """``code`` is the text to translate: ``passkey-failed``, ``passkey-expired`` (ask again),
    ``passkey-unknown``, ``passkey-unverified``, ``passkey-copied``, ``passkey-known`` (it is set up
    already) or ``passkey-limit``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class ProvenPasskey:
    """A passkey that has just signed. ``verified``: it has checked its holder itself; ``synced``:
    its key may be on several devices.
    """

    account_id: str
    credential_row_id: str
    verified: bool
    synced: bool


class Passkeys:
    """The passkeys and security keys of accounts."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        store: EphemeralStore,
        sealer: Sealer,
        audit: Audit,
        outbox: Outbox,
    ) -> None:
        raise NotImplementedError

    def creation_options(self, person: Person, bound_to: str) -> dict[str, Any]:
        """Options for ``navigator.credentials.create``, JSON-ready, good for one answer.

        ``bound_to`` is what the answer must come back with: a transaction's or session's id.
        """
        raise NotImplementedError

    def register(
        self, person: Person, bound_to: str, credential: str, name: str = ""
    ) -> WebauthnCredential:
        """Keep the new passkey; without a name it gets its maker's. The caller audits and mails.

        Raises :class:`PasskeyRefused`.
        """
        raise NotImplementedError

    def request_options(
        self, bound_to: str, account_id: str | None = None, *, verified: bool = False
    ) -> dict[str, Any]:
        """Options for ``navigator.credentials.get``, JSON-ready, good for one answer.

        Without an account: any passkey of ours, which must check its holder. With one: that
        account's keys; ``verified``: they must check their holder, since no password was given.
        """
        raise NotImplementedError

    def authenticate(
        self,
        bound_to: str,
        credential: str,
        *,
        account_id: str | None,
        ip: str,
        verified: bool = False,
    ) -> ProvenPasskey:
        """Check the answer to :meth:`request_options`, called with the same arguments.

        Raises :class:`PasskeyRefused`.
        """
        raise NotImplementedError

    def list(self, account_id: str) -> Sequence[WebauthnCredential]:
        """The account's passkeys, oldest first; those that may have been copied, too."""
        raise NotImplementedError

    def known_to_browsers(self, account_id: str) -> dict[str, Any]:
        """What the account page tells browsers (``data-passkey-known`` of ``passkey.js``)."""
        raise NotImplementedError

    def rename(self, account_id: str, credential_id: str, name: str) -> bool:
        """Give the row with that id another name; False if the account has none such."""
        raise NotImplementedError

    def remove(self, account_id: str, credential_id: str) -> WebauthnCredential | None:
        """Remove the row with that id; what was removed."""
        raise NotImplementedError

    def remove_all(self, account_id: str) -> int:
        """Remove the account's passkeys; how many there were."""
        raise NotImplementedError
