"""Who may register, change and remove which clients (T12): the authority before the registry.

Admins and helpers with MANAGE_CLIENTS do so for their own company; what is for the whole platform,
the vendor's own (first-party) or names a product is an operator's. Scopes of the management API
are granted by full admins, for services of their own company, and by operators; a client that has
some is an admin's alone, since who makes its secret could act with its powers.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from idp.clients.client import Client
from idp.clients.metadata import InvalidMetadata
from idp.clients.registry import ClientRegistry, managing
from idp.core.vocabulary import ManagementScope
from idp.infra.database import db, transaction
from idp.people.actors import Actor, NotAllowed
from idp.tenants.catalogue import MANAGE_CLIENTS
from idp.tenants.models import Tenant

_OPERATORS_MEMBERS = ("product", "refresh_grace")
"""What a company cannot set for its own clients."""


class ClientDesk:
    """Each method is one unit of work; an actor without the right raises ``NotAllowed``.

    ``tenant_id`` is the company whose console (or token) asks: another's client is unknown there;
    None means the whole platform, for operators.
    """

    def __init__(self, clients: ClientRegistry) -> None:
        self._clients = clients

    def get(self, actor: Actor, client_id: str, tenant_id: str | None) -> Client:
        """The client as stored; raises ``UnknownClient``."""
        self._check(actor, tenant_id)
        return self._clients.get(client_id, owned_by=tenant_id)

    @staticmethod
    def companies_of(clients: Iterable[Client]) -> dict[str, tuple[str, str]]:
        """Name and customer number of the companies these clients belong to, by id."""
        wanted = {client.tenant_id for client in clients if client.tenant_id is not None}
        if not wanted:
            return {}
        query = select(Tenant.id, Tenant.name, Tenant.customer_number).where(Tenant.id.in_(wanted))
        return {id_: (name, number) for id_, name, number in db.session.execute(query)}

    def may_grant_management(self, actor: Actor, tenant_id: str | None) -> bool:
        """Whether the actor could let a client use the management API."""
        try:
            self._check_full(actor, tenant_id)
        except NotAllowed:
            return False
        return True

    def register(
        self,
        actor: Actor,
        metadata: Mapping[str, Any],
        tenant_id: str | None,
        *,
        first_party: bool = False,
    ) -> tuple[Client, str | None]:
        """The new client and its secret, shown only here; raises ``InvalidMetadata``."""
        with transaction():
            self._check(actor, tenant_id)
            if first_party and not actor.is_operator:
                raise NotAllowed
            return self._clients.register(
                self._own(actor, metadata),
                tenant_id=tenant_id,
                first_party=first_party,
                created_by=actor.subject,
                allow_management=self._may_have(actor, metadata, tenant_id),
            )

    def change(
        self,
        actor: Actor,
        client_id: str,
        changes: Mapping[str, Any],
        tenant_id: str | None,
        *,
        first_party: bool | None = None,
    ) -> tuple[Client, str | None]:
        """The client with these members replaced; a secret where the new method needs one."""
        with transaction():
            client = self._mine(actor, client_id, tenant_id)
            if first_party is not None and not actor.is_operator:
                raise NotAllowed
            return self._clients.update(
                client_id,
                self._own(actor, changes),
                owned_by=tenant_id,
                actor=actor.subject,
                first_party=first_party,
                allow_management=self._may_have(
                    actor, {**client.metadata(), **changes}, client.tenant_id
                ),
            )

    def rotate_secret(
        self, actor: Actor, client_id: str, overlap_seconds: int, tenant_id: str | None
    ) -> str:
        """A new secret; the old ones hold for the overlap at most."""
        with transaction():
            self._mine(actor, client_id, tenant_id)
            return self._clients.rotate_secret(
                client_id, overlap_seconds, owned_by=tenant_id, actor=actor.subject
            )

    def end_secret(
        self, actor: Actor, client_id: str, secret_id: str, tenant_id: str | None
    ) -> None:
        """End one of several secrets at once."""
        with transaction():
            self._mine(actor, client_id, tenant_id)
            self._clients.end_secret(client_id, secret_id, owned_by=tenant_id, actor=actor.subject)

    def set_enabled(
        self, actor: Actor, client_id: str, enabled: bool, tenant_id: str | None
    ) -> None:
        """Take it out of service, or back."""
        with transaction():
            self._mine(actor, client_id, tenant_id)
            self._clients.set_enabled(client_id, enabled, owned_by=tenant_id, actor=actor.subject)

    def delete(self, actor: Actor, client_id: str, tenant_id: str | None) -> Client:
        """Remove it with its secrets, consents and refresh tokens."""
        with transaction():
            self._mine(actor, client_id, tenant_id)
            return self._clients.delete(client_id, owned_by=tenant_id, actor=actor.subject)

    def _mine(self, actor: Actor, client_id: str, tenant_id: str | None) -> Client:
        self._check(actor, tenant_id)
        client = self._clients.get(client_id, owned_by=tenant_id)
        if managing(client.scope):
            self._check_full(actor, tenant_id)
        return client

    @staticmethod
    def _check(actor: Actor, tenant_id: str | None) -> None:
        if tenant_id is not None:
            actor.check_right(tenant_id, MANAGE_CLIENTS)
        elif not actor.is_operator:
            raise NotAllowed

    @staticmethod
    def _check_full(actor: Actor, tenant_id: str | None) -> None:
        if tenant_id is not None:
            actor.check_admin(tenant_id)
        elif not actor.is_operator:
            raise NotAllowed

    def _may_have(self, actor: Actor, metadata: Mapping[str, Any], tenant_id: str | None) -> bool:
        """Whether the actor may let the client have the management scopes it asks for."""
        wanted = managing(str(metadata.get("scope") or ""))
        if not wanted:
            return False
        if "client_credentials" not in (metadata.get("grant_types") or ()):
            raise InvalidMetadata(
                "invalid_client_metadata",
                "scope has names of the management API, which only services have",
                member="scope",
                problem="scope-management",
            )
        if ManagementScope.OPERATOR in wanted and (tenant_id is not None or not actor.is_operator):
            return False
        return self.may_grant_management(actor, tenant_id)

    @staticmethod
    def _own(actor: Actor, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The members the actor may set."""
        left = () if actor.is_operator else _OPERATORS_MEMBERS
        return {name: value for name, value in metadata.items() if name not in left}
