"""The registry of clients: found from a cache in the process, changed in the database.

``find`` runs on every protocol request, so a hit touches no storage; the cache is cleared when the
version that rides along in Redis trips says that some process changed a client. Secrets are random,
so their SHA-256 is kept and compared in constant time; a rotated one stays valid for an overlap.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import RowMapping, select

from idp.clients import listing
from idp.clients.client import SECRET_METHODS, Client
from idp.clients.listing import Owner
from idp.clients.metadata import InvalidMetadata, check_metadata
from idp.clients.models import ClientRow, ClientSecret
from idp.clients.secrets import ClientSecrets, SecretFacts
from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.core.vocabulary import MANAGEMENT_PREFIX
from idp.infra.audit import Audit
from idp.infra.database import after_commit, db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.process_cache import ProcessCache

__all__ = ["Client", "ClientRegistry", "UnknownClient"]

_CACHE_LIMIT = 20_000
_PRODUCT = re.compile(r"[a-z][a-z0-9-]{0,62}")
_ROW = ClientRow.__table__
_SECRET = ClientSecret.__table__
_COLUMNS = tuple(item.name for item in fields(Client) if item.name != "secrets")


class UnknownClient(LookupError):
    """No such client, or none that the asking company owns."""

    def __init__(self) -> None:
        super().__init__("there is no such client")


class ClientRegistry:
    """Finds, registers, changes and removes clients."""

    def __init__(
        self,
        store: EphemeralStore,
        clock: Clock,
        randomness: Randomness,
        audit: Audit,
        *,
        loopback_issuer: bool,
    ) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._audit = audit
        self._loopback_issuer = loopback_issuer
        self.issued = ClientSecrets(store, clock, randomness)
        self._cache = ProcessCache(store, self._load_active, limit=_CACHE_LIMIT)
        self._origins = ProcessCache(store, self._load_origins)

    def find(self, client_id: str) -> Client | None:
        """The client in service under that wire id."""
        return self._cache.get(client_id)

    def get(self, client_id: str, *, owned_by: str | None = None) -> Client:
        """The client as stored now; with ``owned_by`` only that tenant's own. Or UnknownClient."""
        found = self._load(client_id)
        if found is None or (owned_by is not None and found.tenant_id != owned_by):
            raise UnknownClient
        return found

    def list(
        self,
        tenant_id: str | None = None,
        *,
        owner: Owner = "all",
        query: str = "",
        after: tuple[str, str] | None = None,
        limit: int = 500,
    ) -> list[Client]:
        """All clients, or one tenant's, by name; ``after`` is (name, id) of the last one seen."""
        rows = listing.select_page(
            tenant_id=tenant_id, owner=owner, query=query, after=after, limit=limit
        )
        return [_client(row, ()) for row in rows]

    def list_products(self) -> Sequence[Client]:
        """The first-party products in service, by name."""
        query = select(_ROW).where(
            _ROW.c.first_party, _ROW.c.product.is_not(None), _ROW.c.disabled_at.is_(None)
        )
        query = query.order_by(*listing.BY_NAME)
        return [_client(row, ()) for row in db.session.execute(query).mappings()]

    def product_addresses(self) -> dict[str, str]:
        """Where each first-party product is opened, by the product's key."""
        query = select(_ROW.c.product, _ROW.c.client_uri).where(
            _ROW.c.first_party,
            _ROW.c.product.is_not(None),
            _ROW.c.client_uri.is_not(None),
            _ROW.c.disabled_at.is_(None),
        )
        return {row.product: row.client_uri for row in db.session.execute(query)}

    def secrets_of(self, client: Client) -> Sequence[SecretFacts]:
        """When each secret was made, ends, and was last used; latest first."""
        return self.issued.list(client)

    def is_registered_origin(self, origin: str) -> bool:
        """Whether a public client has a redirect URI of this origin (for CORS)."""
        return origin in (self._origins.get("all") or frozenset())

    def check_secret(self, client: Client, secret: str) -> bool:
        """Whether it is one of the client's secrets still valid."""
        return self.issued.check(client, secret)

    def register(
        self,
        metadata: Mapping[str, Any],
        *,
        tenant_id: str | None = None,
        first_party: bool = False,
        created_by: str | None = None,
        allow_management: bool = False,
    ) -> tuple[Client, str | None]:
        """The new client and, where its method uses one, its secret, which is shown only here.

        Owner, first-party standing and scopes of the management API come from the caller alone;
        raises ``InvalidMetadata``.
        """
        checked = check_metadata(metadata, self._loopback_issuer, allow_management=allow_management)
        row = ClientRow(
            id=self._randomness.uuid(),
            client_id=self._new_client_id(checked["client_name"]),
            tenant_id=tenant_id,
            first_party=first_party,
            product=_product(metadata, first_party),
            created_at=self._clock.now(),
            created_by=created_by,
            **checked,
        )
        with transaction() as session:
            session.add(row)
            session.flush()
            secret = self.issued.issue(row.id) if _uses_secret(checked) else None
            self._record("client.registered", row.client_id, tenant_id, created_by)
        return self.get(row.client_id), secret

    def update(
        self,
        client_id: str,
        changes: Mapping[str, Any],
        *,
        owned_by: str | None = None,
        actor: str | None = None,
        first_party: bool | None = None,
        allow_management: bool = False,
    ) -> tuple[Client, str | None]:
        """The client with these members replaced (None removes one), checked as a whole.

        A secret comes back where the new method needs one and none is valid, and where the client
        gets its first scopes of the management API: who knew the old one could act with them.
        Those that it has may stay; ``allow_management`` lets it have more.
        """
        with transaction() as session:
            current = self.get(client_id, owned_by=owned_by)
            merged = {**current.metadata(), **changes}
            checked = check_metadata(merged, self._loopback_issuer, allow_management=True)
            gained = managing(checked["scope"]) - managing(current.scope)
            if gained and not allow_management:
                check_metadata(merged, self._loopback_issuer)
            row = session.get_one(ClientRow, current.id)
            if first_party is not None:
                row.first_party = first_party
            row.product = _product(merged, row.first_party)
            for name, value in checked.items():
                setattr(row, name, value)
            needs_secret = _uses_secret(checked) and not current.secrets
            secret = self.issued.issue(row.id) if needs_secret else None
            if gained and not managing(current.scope) and current.secrets and _uses_secret(checked):
                secret = self.issued.rotate(current, 0)
            changed = sorted(set(changes) & set(_COLUMNS))
            self._record("client.changed", client_id, row.tenant_id, actor, {"members": changed})
        return self.get(client_id), secret

    def rotate_secret(
        self,
        client_id: str,
        overlap_seconds: int = 0,
        *,
        owned_by: str | None = None,
        actor: str | None = None,
    ) -> str:
        """A new secret, shown only here; the old ones hold for the overlap at most."""
        with transaction():
            client = self.get(client_id, owned_by=owned_by)
            if client.token_endpoint_auth_method not in SECRET_METHODS:
                raise InvalidMetadata(
                    "invalid_client_metadata",
                    f"{client.token_endpoint_auth_method} uses no secret",
                )
            secret = self.issued.rotate(client, overlap_seconds)
            detail = {"overlap_seconds": overlap_seconds}
            self._record("client.secret_rotated", client_id, client.tenant_id, actor, detail)
        return secret

    def end_secret(
        self,
        client_id: str,
        secret_id: str,
        *,
        owned_by: str | None = None,
        actor: str | None = None,
    ) -> None:
        """End one secret at once; raises ``LastSecret`` for the only one. One that has ended
        already is no error.
        """
        with transaction():
            client = self.get(client_id, owned_by=owned_by)
            if self.issued.end(client, secret_id):
                self._record("client.secret_ended", client_id, client.tenant_id, actor)

    def set_enabled(
        self,
        client_id: str,
        enabled: bool,
        *,
        owned_by: str | None = None,
        actor: str | None = None,
    ) -> None:
        """Take the client out of service, or back: out of it nobody signs in to it, it fetches no
        tokens, and those it holds count for nothing.
        """
        with transaction() as session:
            client = self.get(client_id, owned_by=owned_by)
            if enabled != (client.disabled_at is None):
                row = session.get_one(ClientRow, client.id)
                row.disabled_at = None if enabled else self._clock.now()
                event = "client.enabled" if enabled else "client.disabled"
                self._record(event, client_id, client.tenant_id, actor)

    def delete(
        self, client_id: str, *, owned_by: str | None = None, actor: str | None = None
    ) -> Client:
        """Remove the client with its secrets, consents and refresh tokens."""
        with transaction() as session:
            client = self.get(client_id, owned_by=owned_by)
            session.delete(session.get_one(ClientRow, client.id))
            self._record("client.deleted", client_id, client.tenant_id, actor)
        return client

    def _load(self, client_id: str) -> Client | None:
        query = select(_ROW).where(_ROW.c.client_id == client_id)
        row = db.session.execute(query).mappings().first()
        if row is None:
            return None
        secrets = db.session.execute(
            select(_SECRET.c.digest, _SECRET.c.expires_at)
            .where(_SECRET.c.client_id == row["id"])
            .order_by(_SECRET.c.created_at.desc())
        )
        now = self._clock.now()
        return _client(row, tuple((d, until) for d, until in secrets if not until or until > now))

    def _load_active(self, client_id: str) -> Client | None:
        if not client_id or len(client_id) > 64 or not client_id.isprintable():
            return None
        found = self._load(client_id)
        return None if found is None or found.disabled_at is not None else found

    @staticmethod
    def _load_origins(_: str) -> frozenset[str]:
        query = select(_ROW.c.redirect_uris).where(
            _ROW.c.token_endpoint_auth_method == "none", _ROW.c.disabled_at.is_(None)
        )
        uris = [urlsplit(uri) for found in db.session.scalars(query) for uri in found]
        return frozenset(f"{uri.scheme}://{uri.netloc}" for uri in uris if uri.netloc)

    def _new_client_id(self, name: str) -> str:
        """The name as far as ASCII goes, and 50 random bits: easy to tell apart, never reused."""
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:24].strip("-") or "client"
        return f"{slug}-{self._randomness.code(2, 5)}"

    def _record(
        self,
        event: str,
        client_id: str,
        tenant_id: str | None,
        actor: str | None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        self._audit.record(
            event,
            category="clients",
            tenant_id=tenant_id,
            actor=actor,
            client_id=client_id,
            detail=detail,
        )
        after_commit(self._store.bump_caches)


def _client(row: RowMapping, secrets: tuple[tuple[str, datetime | None], ...]) -> Client:
    values: dict[str, Any] = {
        name: tuple(row[name]) if isinstance(row[name], list) else row[name] for name in _COLUMNS
    }
    return Client(**values, secrets=secrets)


def managing(scope: str) -> frozenset[str]:
    """The names of the management API in a scope."""
    return frozenset(name for name in scope.split() if name.startswith(MANAGEMENT_PREFIX))


def _uses_secret(metadata: Mapping[str, Any]) -> bool:
    return metadata["token_endpoint_auth_method"] in SECRET_METHODS


def _product(metadata: Mapping[str, Any], first_party: bool) -> str | None:
    """The product a first-party client opens; nobody else may claim to be one."""
    product = metadata.get("product")
    if product is None or product == "":
        return None
    if not isinstance(product, str) or not _PRODUCT.fullmatch(product):
        raise InvalidMetadata(
            "invalid_client_metadata", "product must be a product's short name", member="product"
        )
    if not first_party:
        raise InvalidMetadata(
            "invalid_client_metadata",
            "product is for the vendor's own clients (first-party)",
            member="product",
        )
    return product
