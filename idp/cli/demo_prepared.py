"""The people of the demo company that is still local, as a product's import leaves them."""

from idp.accounts.passwords import Hasher
from idp.cli.context import services

PREPARED = (
    ("paula.pruefer@ost.example", "Paula", "Prüfer", False),
    ("peer.pohl@ost.example", "Peer", "Pohl", False),
    ("kai.kessler@ost.example", "Kai", "Keßler", True),
    ("mara.multi@example.com", "Mara", "Martens", False),
)
"""Whom HR has handed over for Ost OHG; with the old product's password where the last is True."""


def prepare_people(customer_number: str, password: str) -> None:
    """Hand them over once; nobody is mailed before the company is activated."""
    everything = services()
    tenant = everything.tenants.get_by_customer_number(customer_number)
    overview = everything.activation.overview(tenant.id)
    if overview.moving.total or not overview.accounts.is_local:
        return
    hasher = Hasher(everything.settings.hashing, everything.randomness)
    for email, given_name, family_name, keeps in PREPARED:
        everything.arrivals.prepare(
            tenant.id,
            "demo",
            email,
            given_name,
            family_name,
            password_hash=hasher.hash(password) if keeps else None,
            email_verified=keeps,
        )
