"""Many accounts, clients and sessions, written straight into the stores of a provider.

``python -m bench.seed EMAIL ACCOUNTS CLIENTS SESSIONS`` runs with the provider's environment. Each
new account is a copy of EMAIL's (password hash, membership, authenticator app), so that they all
sign in alike; nothing of this is a way to make accounts outside a bench.
"""

import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select

from bench.people import SECRET, email
from idp.accounts.models import Account
from idp.authn.models import TotpDevice
from idp.cli.context import _open
from idp.clients.models import ClientRow as Client
from idp.infra.database import transaction
from idp.tenants.models import Membership
from idp.wiring import Services

_AT_ONCE = 2000


def _columns(row: Any, **changes: Any) -> dict[str, Any]:
    return {c.key: getattr(row, c.key) for c in row.__table__.columns} | changes


def _in_batches(first: int, end: int) -> Iterator[range]:
    for start in range(first, end, _AT_ONCE):
        yield range(start, min(start + _AT_ONCE, end))


def accounts(template_email: str, count: int) -> None:
    """Copies of one account, with an authenticator app and a wish to be asked for it."""
    with transaction() as session:
        template = session.execute(
            select(Account).where(Account.email == template_email)
        ).scalar_one()
        member = session.execute(
            select(Membership).where(Membership.account_id == template.id)
        ).scalar_one()
        account_row, member_row = _columns(template), _columns(member)
        first = session.execute(
            select(func.count())
            .select_from(Account)
            .where(Account.email.like("bench%@example.com"))
        ).scalar_one()
    now = datetime.now(UTC)
    for numbers in _in_batches(first, first + count):
        ids = {n: uuid.uuid4().hex for n in numbers}
        with transaction() as session:
            session.execute(
                insert(Account),
                [
                    account_row
                    | {"id": i, "subject": uuid.uuid4().hex, "email": email(n), "self_mfa": True}
                    for n, i in ids.items()
                ],
            )
            session.execute(
                insert(Membership),
                [member_row | {"id": uuid.uuid4().hex, "account_id": i} for i in ids.values()],
            )
            session.execute(
                insert(TotpDevice),
                [
                    {
                        "id": uuid.uuid4().hex,
                        "account_id": i,
                        "name": "bench",
                        "secret": SECRET,
                        "confirmed_at": now,
                        "last_used_step": None,
                        "created_at": now,
                    }
                    for i in ids.values()
                ],
            )


def clients(count: int) -> None:
    """Copies of the first client, without secrets."""
    with transaction() as session:
        row = _columns(session.execute(select(Client).limit(1)).scalar_one())
    for numbers in _in_batches(0, count):
        with transaction() as session:
            session.execute(
                insert(Client),
                [
                    row | {"id": uuid.uuid4().hex, "client_id": f"bench-{n}-{uuid.uuid4().hex[:8]}"}
                    for n in numbers
                ],
            )


def sessions(services: Services, template_email: str, count: int) -> None:
    """Live sessions of one account, as a shared login of a busy day leaves them."""
    from idp.authn.steps import Proof
    from idp.core.vocabulary import Factor

    account = services.accounts.find_by_email(template_email)
    assert account is not None
    for _ in range(count):
        services.sessions.start(
            subject=account.subject,
            account_id=account.id,
            proofs=(Proof(Factor.PASSWORD, services.clock.now()),),
        )


def main() -> None:
    """Seed as told."""
    template_email, *counts = sys.argv[1:]
    many_accounts, many_clients, many_sessions = map(int, counts)
    with _open() as services:
        accounts(template_email, many_accounts)
        clients(many_clients)
        sessions(services, template_email, many_sessions)


if __name__ == "__main__":
    main()
