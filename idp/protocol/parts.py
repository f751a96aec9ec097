"""What the protocol works with, put together by ``ProtocolServer``, shared by its endpoints."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from idp.clients.client import Client
from idp.core.clock import Clock
from idp.core.person import Person
from idp.grants.service import Grants
from idp.infra.audit import Audit
from idp.infra.ephemeral import EphemeralStore
from idp.infra.keyring import Keyring
from idp.protocol.app_passwords import AppPasswordCheck
from idp.protocol.client_authentication import ClientAuthenticator, Registry
from idp.protocol.id_tokens import IdTokens


class People(Protocol):
    """What is asked of ``people.snapshot.PersonDirectory``."""

    def key(self, subject: str) -> str:
        """Where the person's snapshot is kept in Redis."""
        ...

    def parse(self, raw: bytes) -> Person | None:
        """The person of a snapshot."""
        ...

    def load(self, subject: str) -> Person | None:
        """The person, from the snapshot or the database."""
        ...


StillAllowed = Callable[[Person, str | None, Client, tuple[str, ...], datetime], bool]
"""``still_allowed(person, tenant_id, client, amr, auth_time)``: does the MFA policy accept it?"""


@dataclass(frozen=True, slots=True)
class Parts:
    """The collaborators of every endpoint."""

    issuer: str
    clock: Clock
    store: EphemeralStore
    keyring: Keyring
    registry: Registry
    authenticator: ClientAuthenticator
    people: People
    grants: Grants
    id_tokens: IdTokens
    audit: Audit
    still_allowed: StillAllowed
    app_passwords: AppPasswordCheck

    def person(self, subject: str, raw: bytes | None) -> Person | None:
        """The person of a snapshot that was fetched; read anew where it is not in Redis."""
        if raw is not None and (person := self.people.parse(raw)) is not None:
            return person
        return self.people.load(subject)
