"""Who was told of a lock or a removal: each product, how long it took, and what failed (T4).

Everything the person has open for the company ends with the change itself; what a product keeps of
its own ends when it is told (OIDC Back-Channel Logout). Clients that a session was used for are
told of that session, also where the session goes on for another company. First-party products the
company has booked and no session is known of are told of the person (§2.4: ``sub`` alone), since
what they keep may outlive our session.

A notice is kept for 30 days. The row of a delivery that succeeded goes after 7 already
(``infra.delivery_worker``), one that was given up stays 30: a notice without its delivery was told,
unless it is so young that the delivery can only have been dropped by an operator.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, func, select
from sqlalchemy.engine import CursorResult

from idp.accounts.models import Account
from idp.authn.sessions import Sessions
from idp.clients.client import Client
from idp.clients.registry import ClientRegistry
from idp.core.clock import Clock
from idp.core.names import sort_form
from idp.core.randomness import Randomness
from idp.infra.database import db, transaction
from idp.infra.delivery_queue import DeliveryQueue, UnknownDelivery
from idp.infra.delivery_worker import KEPT as DELIVERIES_KEPT
from idp.infra.outbox import Delivery
from idp.people.actors import Actor
from idp.people.models import LogoutNotice
from idp.protocol.logout import Logout, Notified
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.tenants.models import Membership, TenantProduct

KEPT = timedelta(days=30)
"""How long it can be seen who was told."""

Outcome = Literal["told", "waiting", "failed", "not-registered", "no-session"]
_WORST: Sequence[Outcome] = ("failed", "waiting", "told", "no-session", "not-registered")


@dataclass(frozen=True, slots=True)
class ToldRow:
    """One product and the latest ending. ``seconds``: from the lock to the product's answer.

    ``error``: ``answered`` (with ``status``), ``unreachable``, ``refused``, ``dropped``, ``other``.
    """

    client_id: str
    client_name: str
    outcome: Outcome
    at: datetime
    seconds: float | None = None
    attempts: int = 0
    error: str = ""
    status: str = ""
    next_try: datetime | None = None


class Told:
    """Ends sessions and tells the products, writes down whom, and reads it back."""

    def __init__(
        self,
        clock: Clock,
        randomness: Randomness,
        sessions: Sessions,
        logout: Logout,
        clients: ClientRegistry,
        queue: DeliveryQueue,
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._sessions = sessions
        self._logout = logout
        self._clients = clients
        self._queue = queue

    # What an ending does

    def membership_ended(self, account_id: str, subject: str, tenant_id: str) -> None:
        """Locked or removed: the company's sessions end, its products are told."""
        with transaction() as session:
            query = select(Membership).where(
                Membership.account_id == account_id, Membership.tenant_id == tenant_id
            )
            membership = session.scalars(query).one()
            told: list[Notified] = []
            for one in self._sessions.list(subject):
                if one.tenant_id == tenant_id:
                    told += self._logout.notify(one.sid)
                    self._sessions.end(one, told=True)
                else:
                    told += self._logout.notify_company(one.sid, tenant_id)
            told += self._tell_of_person(subject, self._products_of([membership]), told)
            self._write(membership, told, membership.status)

    def account_ended(self, account_id: str, subject: str) -> None:
        """The account is locked: every session ends, the products of every company are told."""
        with transaction() as session:
            query = select(Membership).where(
                Membership.account_id == account_id, Membership.status == "active"
            )
            memberships = session.scalars(query.order_by(Membership.created_at)).all()
            told: list[Notified] = []
            for one in self._sessions.list(subject):
                told += self._logout.notify(one.sid)
                self._sessions.end(one, told=True)
            told += self._tell_of_person(subject, self._products_of(memberships), told)
            for membership in memberships:
                products = self._products_of([membership])
                own = [
                    one
                    for one in told
                    if one.client.tenant_id == membership.tenant_id
                    or one.client.product in products
                ]
                self._write(membership, own, "account-locked")

    # What the console shows

    def of(self, tenant_id: str, membership_id: str) -> tuple[ToldRow, ...]:
        """Each product told of the member's latest lock or removal, by name; raises nothing."""
        latest = (
            select(func.max(LogoutNotice.created_at))
            .where(LogoutNotice.membership_id == membership_id)
            .scalar_subquery()
        )
        query = (
            select(LogoutNotice, Delivery)
            .join(Membership, Membership.id == LogoutNotice.membership_id)
            .outerjoin(Delivery, Delivery.id == LogoutNotice.delivery_id)
            .where(
                LogoutNotice.membership_id == membership_id,
                Membership.tenant_id == tenant_id,
                LogoutNotice.created_at == latest,
            )
        )
        rows: dict[str, ToldRow] = {}
        for notice, delivery in db.session.execute(query):
            row = self._row(notice, delivery)
            before = rows.get(row.client_id)
            rows[row.client_id] = row if before is None else _together(before, row)
        return tuple(sorted(rows.values(), key=lambda row: sort_form(row.client_name)))

    def name_of(self, tenant_id: str, membership_id: str) -> str | None:
        """Whom it is about, a removed member too; None for nobody of that company."""
        query = (
            select(Account)
            .join(Membership, Membership.account_id == Account.id)
            .where(Membership.id == membership_id, Membership.tenant_id == tenant_id)
        )
        account = db.session.scalar(query)
        if account is None:
            return None
        return f"{account.given_name or ''} {account.family_name or ''}".strip() or account.email

    def tell_again(self, tenant_id: str, actor: Actor, membership_id: str) -> int:
        """Try what was given up once more; how many notices. Raises ``NotAllowed``."""
        with transaction() as session:
            actor.check_right(tenant_id, MANAGE_PEOPLE)
            query = (
                select(Delivery.id)
                .join(LogoutNotice, LogoutNotice.delivery_id == Delivery.id)
                .join(Membership, Membership.id == LogoutNotice.membership_id)
                .where(
                    LogoutNotice.membership_id == membership_id,
                    Membership.tenant_id == tenant_id,
                    Delivery.dead_at.is_not(None),
                )
            )
            failed = session.scalars(query).all()
            for delivery_id in failed:
                try:
                    self._queue.retry(delivery_id, actor.subject)
                except UnknownDelivery:  # tried again by somebody else meanwhile
                    continue
        return len(failed)

    def purge(self) -> int:
        """Let old notices go; how many."""
        with transaction() as session:
            old = LogoutNotice.created_at < self._clock.now() - KEPT
            gone = session.execute(delete(LogoutNotice).where(old))
            return gone.rowcount if isinstance(gone, CursorResult) else 0

    # Inside

    def _tell_of_person(
        self, subject: str, products: frozenset[str], told: Iterable[Notified]
    ) -> list[Notified]:
        """First-party products that no session told of; the same person everywhere (§8)."""
        known = {one.client.client_id for one in told}
        return [
            self._logout.notify_person(client, subject)
            for client in self._clients.list_products()
            if client.product in products and client.client_id not in known
        ]

    @staticmethod
    def _products_of(memberships: Sequence[Membership]) -> frozenset[str]:
        """What was open to the person: booked, and not closed to them."""
        found: set[str] = set()
        for one in memberships:
            query = select(TenantProduct.product).where(TenantProduct.tenant_id == one.tenant_id)
            booked = set(db.session.scalars(query))
            found |= booked if one.products is None else booked & set(one.products)
        return frozenset(found)

    def _write(self, membership: Membership, told: Iterable[Notified], cause: str) -> None:
        now = self._clock.now()
        db.session.add_all(
            LogoutNotice(
                id=self._randomness.uuid(),
                membership_id=membership.id,
                client_id=one.client.client_id,
                client_name=one.client.client_name,
                cause=cause,
                delivery_id=one.delivery_id,
                created_at=now,
            )
            for one in told
        )

    def _row(self, notice: LogoutNotice, delivery: Delivery | None) -> ToldRow:
        if notice.delivery_id is None:
            client = self._clients.find(notice.client_id)
            outcome: Outcome = "no-session" if _needs_session(client) else "not-registered"
            return ToldRow(notice.client_id, notice.client_name, outcome, notice.created_at)
        row = ToldRow(notice.client_id, notice.client_name, "told", notice.created_at)
        if delivery is None:
            if self._clock.now() - notice.created_at >= DELIVERIES_KEPT:
                return row
            return _changed(row, outcome="failed", error="dropped")
        if delivery.done_at is not None:
            took = (delivery.done_at - notice.created_at).total_seconds()
            return _changed(row, seconds=took, attempts=delivery.attempts)
        error, status = _plain(delivery.last_error or "")
        failed = delivery.dead_at is not None
        return _changed(
            row,
            outcome="failed" if failed else "waiting",
            attempts=delivery.attempts,
            error=error,
            status=status,
            next_try=None if failed or not delivery.attempts else delivery.next_attempt_at,
        )


def _needs_session(client: Client | None) -> bool:
    return client is not None and client.backchannel_logout_uri is not None


def _together(one: ToldRow, other: ToldRow) -> ToldRow:
    """Several sessions at the same product: the worst counts, and the slowest."""
    worst = min(one, other, key=lambda row: _WORST.index(row.outcome))
    took = [row.seconds for row in (one, other) if row.seconds is not None]
    return _changed(worst, seconds=max(took) if took and worst.outcome == "told" else None)


def _changed(row: ToldRow, **changes: object) -> ToldRow:
    return replace(row, **changes)  # type: ignore[arg-type]


def _plain(error: str) -> tuple[str, str]:
    """What a failure comes down to, and the HTTP status where the product gave one."""
    _, answered, status = error.partition("the client answered ")
    if answered:
        return "answered", status
    if not error:
        return "", ""
    reached = ("the call failed", "the name is not known", "the answer took too long")
    if error.startswith(reached):
        return "unreachable", ""
    refused = ("not a", "a URL", "only https", "the name leads")
    return ("refused" if error.startswith(refused) else "other"), ""
