"""The clients that a company can demand more for, and those for which a policy does."""

from collections.abc import Sequence

from idp.clients.client import Client
from idp.clients.registry import ClientRegistry
from idp.core.person import Policy
from idp.core.vocabulary import ACR_LEVEL
from idp.people.rollout.forecast import ClientDoor
from idp.tenants.service import TenantService


def offered_clients(
    clients: ClientRegistry, tenants: TenantService, tenant_id: str
) -> Sequence[Client]:
    """Those of the products it books and its own, products first."""
    booked = tenants.products_of(tenant_id)
    products = clients.list_products()
    found = [c for key in booked for c in products if c.product == key]
    return [*found, *(c for c in clients.list(tenant_id) if c.disabled_at is None)]


def doors_of(offered: Sequence[Client], policy: Policy) -> tuple[ClientDoor, ...]:
    """The clients for which the policy demands more than they do themselves."""
    return tuple(
        ClientDoor(client.client_id, client.product, registered_level(client))
        for client in offered
        if policy.minimum_for(client.client_id) > registered_level(client)
    )


def registered_level(client: Client) -> int:
    """The acr level that the client itself demands."""
    return ACR_LEVEL.get(client.minimum_acr or "", 1)
