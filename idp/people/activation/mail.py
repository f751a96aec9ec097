"""What members are mailed about the move to central accounts (A2, A3).

Each mail of a link carries a new one, since only a token's digest is kept; the link alone opens
nothing: who follows it still proves the address, or signs in.
"""

from datetime import datetime, timedelta
from typing import Any, Literal

from idp.core.clock import Clock
from idp.core.randomness import Randomness, digest
from idp.infra.outbox import Outbox
from idp.people.models import Invitation
from idp.settings import Settings
from idp.tenants.models import Tenant

Way = Literal["new", "existing", "kept"]
"""Create an account; sign in to the one there is; go on with the old product's password."""

_OPEN_FOR = timedelta(days=180)
"""How long a prepared person may take, from the mail or the cut-off on."""


class ActivationMail:
    """Writes them."""

    def __init__(
        self, settings: Settings, clock: Clock, randomness: Randomness, outbox: Outbox
    ) -> None:
        self._issuer = settings.issuer
        self._clock = clock
        self._randomness = randomness
        self._outbox = outbox

    def send(
        self, invitation: Invitation, tenant: Tenant, way: Way, name: str = "activation"
    ) -> None:
        """Queue the mail in the unit of work of the caller; the link before it dies."""
        now = self._clock.now()
        link = f"{self._issuer}/account"
        if way != "kept":
            token = self._randomness.token()
            invitation.token_digest = digest(token)
            invitation.expires_at = max(now, tenant.cutover_at or now) + _OPEN_FOR
            link = f"{self._issuer}/invitation/{token}"
        context = context_of(tenant, way, link, invitation.given_name, now)
        self._outbox.mail(invitation.email, name, invitation.locale, context)


def context_of(
    tenant: Tenant, way: Way, link: str, given_name: str, now: datetime, zone: str = ""
) -> dict[str, Any]:
    """What the templates are given; ``cutover`` is empty once it has passed."""
    cutover = tenant.cutover_at
    return {
        "tenant_name": tenant.name,
        "given_name": given_name,
        "way": way,
        "link": link,
        "cutover": cutover.isoformat() if cutover is not None and now < cutover else "",
        "zone": zone,
    }
