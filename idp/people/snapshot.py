"""The snapshot of a person: built with a few queries, kept in Redis, read in the same trip as the
session, so that silent sign-on and userinfo need no database.

Companies are not in it: their policy, name and products come from the process's cache when it is
parsed, so a change of policy reaches everybody at once. A change of the person calls ``forget``
after its commit. That also changes the person's version, and a fill that began under another
version stores nothing; so a slow reader cannot put an old person back.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, func, select

from idp.accounts.claims import build_claims
from idp.accounts.models import Account
from idp.authn.models import RecoveryCode
from idp.core.person import Person, PersonMembership
from idp.core.randomness import Randomness
from idp.core.vocabulary import Factor
from idp.grants.models import Grant
from idp.infra.database import db, in_transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.process_cache import Recent
from idp.infra.statements import Prepared, reading
from idp.people.rollout.enrolled import (
    enrolled_columns,
    enrolled_of,
    passwordless_column,
    withdrawn_column,
)
from idp.tenants.catalogue import PRODUCTS, console_rights, effective_permissions
from idp.tenants.directory import TenantDirectory
from idp.tenants.models import Membership

LIFETIME = 600
"""Seconds a snapshot may be used; bounds what a change lost between database and Redis could do."""
_VERSION_LIFETIME = 3600
_FORMAT = 3
_KEPT = 500
_FILL = (
    "if (redis.call('GET',KEYS[2]) or '')==ARGV[1] then "
    "redis.call('SET',KEYS[1],ARGV[2],'EX',ARGV[3]) return 1 end return 0"
)
_ACCOUNT = Account.__table__
_MEMBERSHIP = Membership.__table__
_GRANT = Grant.__table__
_CODE = RecoveryCode.__table__

_FIND_PERSON = Prepared(
    select(
        _ACCOUNT,
        *enrolled_columns(),
        passwordless_column(),
        withdrawn_column(),
        select(func.count())
        .where(_CODE.c.account_id == _ACCOUNT.c.id, _CODE.c.used_at.is_(None))
        .scalar_subquery()
        .label("codes_left"),
    ).where(_ACCOUNT.c.subject == bindparam("subject"))
)
_FIND_MEMBERSHIPS = Prepared(
    select(
        _MEMBERSHIP.c.id,
        _MEMBERSHIP.c.tenant_id,
        _MEMBERSHIP.c.role,
        _MEMBERSHIP.c.status,
        _MEMBERSHIP.c.permissions,
        _MEMBERSHIP.c.products,
        _MEMBERSHIP.c.mfa_selected,
        _MEMBERSHIP.c.mfa_due_since,
        _MEMBERSHIP.c.mfa_deadline,
        _MEMBERSHIP.c.mfa_bypass_until,
        _MEMBERSHIP.c.mfa_bypass_used_at,
        _MEMBERSHIP.c.not_before,
    )
    .where(_MEMBERSHIP.c.account_id == bindparam("account_id"), _MEMBERSHIP.c.status != "removed")
    .order_by(_MEMBERSHIP.c.created_at, _MEMBERSHIP.c.id)
)
_FIND_CONSENTS = Prepared(
    select(_GRANT.c.client_id, _GRANT.c.scope).where(
        _GRANT.c.account_id == bindparam("account_id"), _GRANT.c.revoked_at.is_(None)
    )
)


class PersonDirectory:
    """Loads persons by their ``sub``."""

    def __init__(
        self, store: EphemeralStore, tenants: TenantDirectory, randomness: Randomness
    ) -> None:
        self._store = store
        self._tenants = tenants
        self._randomness = randomness
        self._parsed: Recent[bytes, Person] = Recent(store, _KEPT)

    @staticmethod
    def key(subject: str) -> str:
        """Where the snapshot is kept; fetch it beside the session and hand it to ``parse``."""
        return f"{{{subject}}}:person"

    @staticmethod
    def _version_key(subject: str) -> str:
        return f"{{{subject}}}:person-version"

    def load(self, subject: str) -> Person | None:
        """The person, from Redis or else from the database; None for an unknown subject."""
        if not subject or len(subject) > 64:
            return None
        raw, version = self._store.fetch(self.key(subject), self._version_key(subject))
        if raw is not None and (person := self.parse(raw)) is not None:
            return person
        data = _read(subject)
        if data is None:
            return None
        fresh = orjson.dumps(data)
        if not in_transaction():
            # Inside a unit of work this may be what is never committed.
            keys = (self.key(subject), self._version_key(subject))
            fill = ("EVAL", _FILL, 2, *keys, version or b"", fresh, LIFETIME)
            self._store.trip([fill], repeatable=True)
        return self.parse(fresh)

    def parse(self, raw: bytes) -> Person | None:
        """The person in a snapshot; None if another release wrote it, so that it is read anew.

        One that was read lately, to the byte, is not read again: companies are cached in the
        process too, and become stale together with it.
        """
        person = self._parsed.get(raw)
        if person is None:
            generation = self._parsed.generation
            person = self._read_snapshot(raw)
            if person is not None:
                self._parsed.keep(raw, person, generation)
        return person

    def _read_snapshot(self, raw: bytes) -> Person | None:
        data = orjson.loads(raw)
        if data.get("format") != _FORMAT:
            return None
        memberships = (self._membership(entry) for entry in data["memberships"])
        return Person(
            account_id=data["account_id"],
            subject=data["subject"],
            status=data["status"],
            email=data["email"],
            email_verified=data["email_verified"],
            locale=data["locale"],
            claims=data["claims"],
            sessions_not_before=_moment(data["sessions_not_before"]),
            has_password=data["has_password"],
            enrolled=frozenset(Factor(name) for name in data["enrolled"]),
            passwordless=data["passwordless"],
            withdrawn=data["withdrawn"],
            self_mfa=data["self_mfa"],
            recovery_codes_left=data["codes_left"],
            is_operator=data["is_operator"],
            memberships=tuple(entry for entry in memberships if entry is not None),
            consents={client: tuple(scope) for client, scope in data["consents"].items()},
        )

    def forget(self, subject: str) -> None:
        """What was stored of the person is out of date; call it after the commit."""
        self.forget_all([subject])

    def forget_all(self, subjects: Iterable[str]) -> None:
        """The same for several, in one trip."""
        version = self._randomness.token(12)
        batch = self._store.batch()
        for subject in subjects:
            batch.put(self._version_key(subject), version, _VERSION_LIFETIME)
            batch.delete(self.key(subject))
        batch.run()

    def forget_accounts(self, account_ids: Sequence[str]) -> None:
        """The same by account ids."""
        for start in range(0, len(account_ids), 500):
            some = account_ids[start : start + 500]
            query = select(_ACCOUNT.c.subject).where(_ACCOUNT.c.id.in_(some))
            self.forget_all(db.session.execute(query).scalars())

    def _membership(self, data: dict[str, Any]) -> PersonMembership | None:
        tenant = self._tenants.find(data["tenant_id"])
        if tenant is None:
            return None
        own = data["products"]
        products = tuple(
            product.key
            for product in PRODUCTS
            if product.key in tenant.products and (own is None or product.key in own)
        )
        return PersonMembership(
            membership_id=data["id"],
            tenant_id=tenant.tenant_id,
            customer_number=tenant.customer_number,
            tenant_name=tenant.name,
            tenant_accent=tenant.accent,
            tenant_logo=tenant.logo_uri,
            role=data["role"],
            status=data["status"],
            policy=tenant.policy,
            permissions=effective_permissions(data["role"], data["permissions"], products),
            products=products,
            console_rights=console_rights(data["role"], data["permissions"]),
            app_passwords=tenant.app_passwords,
            app_password_days=tenant.app_password_days,
            mfa_selected=data["mfa_selected"],
            mfa_due_since=_moment(data["mfa_due_since"]),
            mfa_deadline=_moment(data["mfa_deadline"]),
            mfa_bypass_until=_moment(data["mfa_bypass_until"]),
            mfa_bypass_used_at=_moment(data["mfa_bypass_used_at"]),
            not_before=_moment(data["not_before"]),
        )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _read(subject: str) -> dict[str, Any] | None:
    """Three queries: the account with its factors, its memberships, its consents."""
    with reading() as connection:
        account = _FIND_PERSON.first(connection, {"subject": subject})
        if account is None:
            return None
        its = {"account_id": account["id"]}
        memberships = _FIND_MEMBERSHIPS.all(connection, its)
        consents = _FIND_CONSENTS.all(connection, its)
    return {
        "format": _FORMAT,
        "account_id": account["id"],
        "subject": subject,
        "status": account["status"],
        "email": account["email"],
        "email_verified": account["email_verified"],
        "locale": account["locale"],
        "claims": build_claims(account),
        "sessions_not_before": account["sessions_not_before"],
        "has_password": account["password_hash"] is not None,
        "enrolled": enrolled_of(account),
        "passwordless": bool(account["passwordless"]),
        "withdrawn": bool(account["withdrawn"]),
        "self_mfa": account["self_mfa"],
        "codes_left": account["codes_left"],
        "is_operator": account["is_operator"],
        "memberships": memberships,
        "consents": {row["client_id"]: row["scope"] for row in consents},
    }
