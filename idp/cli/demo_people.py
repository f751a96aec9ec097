"""``idp demo --people N``: a large demo company, to see that long lists stay quick.

Rows are written in bulk, as an import of years ago would have left them; nobody but its admin has
a password.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from idp.accounts.models import Account
from idp.authn.models import TotpDevice
from idp.infra.database import transaction
from idp.tenants.catalogue import default_permissions
from idp.tenants.models import Membership
from idp.wiring import Services

GIVEN = (
    "Ada Ayşe Björn Carla Chidi Dörte Emre Fatima Finn Greta Hanna Ivo Jan Jonas Katrin Lena "
    "Levi Małgorzata Mei Milan Nele Noah Olga Pia Quentin Rosa Samir Thi Ulla Viktor Wanda Yusuf"
)
FAMILY = (
    "Adler Bach Can Dietz Engel Fuchs Groß Hoàng Ivanov Jung Kaya Lang Meier Nowak Okafor Peters "
    "Quandt Richter Schäfer Tanaka Uhl Vogel Weiß Xu Yılmaz Zimmermann"
)
PORTION = 1000


def make_crowd(services: Services, tenant_id: str, domain: str, count: int) -> int:
    """Add members until the company has ``count`` of them; how many it were."""
    there = services.people.count_people(tenant_id)
    for start in range(there, count, PORTION):
        rows = list(_people(services, tenant_id, domain, start, min(start + PORTION, count)))
        factors = [row["factor"] for row in rows if row["factor"]]
        with transaction() as session:
            session.execute(insert(Account), [row["account"] for row in rows])
            session.execute(insert(Membership), [row["membership"] for row in rows])
            if factors:
                session.execute(insert(TotpDevice), factors)
    return max(0, count - there)


def _people(
    services: Services, tenant_id: str, domain: str, first: int, end: int
) -> Iterator[dict[str, Any]]:
    randomness, now = services.randomness, services.clock.now()
    given_names, family_names = GIVEN.split(), FAMILY.split()
    for number in range(first, end):
        given = given_names[number % len(given_names)]
        family = family_names[number // len(given_names) % len(family_names)]
        joined = now - timedelta(days=30 + number % 2000)
        seen = None if number % 9 == 0 else now - timedelta(hours=number * 7 % 4000)
        account_id = randomness.uuid()
        account = {
            "id": account_id,
            "subject": randomness.uuid(),
            "email": f"person{number}@{domain}",
            "email_verified": True,
            "status": "active",
            "locale": "de",
            "given_name": given,
            "family_name": family,
            "address": {},
            "created_at": joined,
            "updated_at": joined,
            "last_sign_in_at": seen,
        }
        membership = {
            "id": randomness.uuid(),
            "account_id": account_id,
            "tenant_id": tenant_id,
            "role": "admin" if number % 1000 == 999 else "employee",
            "status": "locked" if number % 40 == 7 else "active",
            "permissions": list(default_permissions()),
            "created_at": joined,
            "last_sign_in_at": seen,
        }
        factor = {
            "id": randomness.uuid(),
            "account_id": account_id,
            "name": "",
            "secret": randomness.token(20),
            "confirmed_at": joined,
            "created_at": joined,
        }
        has_factor = number % 5 < 2
        yield {"account": account, "membership": membership, "factor": factor if has_factor else {}}
