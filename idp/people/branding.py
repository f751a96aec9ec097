"""How a company looks on our pages: its colour and its logo, changed by its admins (T11)."""

from idp.infra.database import transaction
from idp.people.actors import Actor
from idp.tenants.logos import Logos
from idp.tenants.models import Tenant
from idp.tenants.service import TenantService


class Branding:
    """Saves colour and logo together."""

    def __init__(self, tenants: TenantService, logos: Logos) -> None:
        self._tenants = tenants
        self._logos = logos

    def save(
        self, tenant_id: str, actor: Actor, accent: str | None, logo: bytes | None = None
    ) -> Tenant:
        """Set the colour (None: ours); ``logo``: a new one, as ``logos.redraw`` made it."""
        with transaction():
            actor.check_admin(tenant_id)
            uri = self._tenants.get(tenant_id).logo_uri
            if logo is not None:
                uri = self._logos.put(tenant_id, logo)
            return self._tenants.set_looks(
                tenant_id, accent=accent, logo_uri=uri, actor=actor.subject
            )

    def remove_logo(self, tenant_id: str, actor: Actor) -> Tenant:
        """Go without a logo again."""
        with transaction():
            actor.check_admin(tenant_id)
            self._logos.remove(tenant_id)
            accent = self._tenants.get(tenant_id).accent
            return self._tenants.set_looks(
                tenant_id, accent=accent, logo_uri=None, actor=actor.subject
            )
