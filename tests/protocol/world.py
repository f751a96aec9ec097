"""A protocol server on a real Redis and a real database, without web and sign-in.

People are a working directory held in memory; everything else is what runs in production.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask

from idp.accounts.app_passwords import AppPasswords
from idp.accounts.models import Account
from idp.clients.client import Client
from idp.clients.registry import ClientRegistry
from idp.core.person import Person, PersonMembership, Policy
from idp.core.randomness import Randomness
from idp.core.vocabulary import ACR_SINGLE, Authentication
from idp.grants.service import Grants
from idp.infra.audit import Audit
from idp.infra.client_keys import ClientKeys
from idp.infra.database import dispose, init_database, transaction
from idp.infra.embedded_redis import EmbeddedRedis
from idp.infra.ephemeral import EphemeralStore
from idp.infra.keyring import Keyring
from idp.infra.migrate import upgrade
from idp.infra.sealing import Sealer
from idp.infra.throttle import Throttle
from idp.protocol.app_passwords import AppPasswordCheck
from idp.protocol.authorization import AuthorizationRequest
from idp.protocol.messages import ProtocolRequest, ProtocolResponse
from idp.protocol.server import ProtocolServer
from idp.settings import Settings
from idp.tenants.models import Tenant
from tests.protocol.cast import PROFILE, FixedClock, NoOutbound, Outbox, People
from tests.protocol.wire import ISSUER, VERIFIER, answer_of, authorize, body_of, post


class World:
    """Everything wired; ``settings`` are read from an environment of its own."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        environ = {
            "IDP_ISSUER": ISSUER,
            "IDP_DATA_DIR": str(folder),
            "IDP_MASTER_KEY": hashlib.sha256(b"a test").hexdigest(),
            **({"IDP_DATABASE_URL": database_url} if database_url else {}),
        }
        self.settings = Settings.from_env(environ)
        self.clock = FixedClock()
        self.randomness = Randomness()
        self._redis = EmbeddedRedis(folder)
        self.store = EphemeralStore(self._redis.ensure_running())
        self.app = Flask("world")
        self.sealer = Sealer(self.settings.master_keys)
        init_database(self.app, self.settings, self.sealer)
        upgrade(self.settings)
        self.people = People(self.store)
        self.outbox = Outbox()
        self.allowed: Callable[..., bool] = lambda *_: True
        lifetimes = self.settings.lifetimes
        self.audit = Audit(self.clock, self.randomness, self.sealer)
        self.keyring = Keyring(self.store, self.sealer, self.clock, self.randomness, lifetimes)
        self.registry = ClientRegistry(
            self.store, self.clock, self.randomness, self.audit, loopback_issuer=True
        )
        self.grants = Grants(
            self.settings,
            self.clock,
            self.randomness,
            self.store,
            self.sealer,
            self.keyring,
            self.audit,
            self.people.forget,
        )
        self.app_passwords = AppPasswords(self.clock, self.randomness)
        self.server = ProtocolServer(
            self.settings,
            self.clock,
            self.randomness,
            self.store,
            self.keyring,
            self.registry,
            ClientKeys(NoOutbound(), self.clock),  # type: ignore[arg-type]
            self.people,
            self.grants,
            self.outbox,
            self.audit,
            lambda *args: self.allowed(*args),
            AppPasswordCheck(self.clock, Throttle(self.store), self.app_passwords),
        )
        with self.app.app_context():
            self.keyring.ensure_keys()
            self.tenant_id = self._tenant("012345678", "Nord GmbH")
            self.other_tenant_id = self._tenant("087654321", "Süd AG")

    def close(self) -> None:
        dispose(self.app)
        self.store.close()
        self._redis.stop()

    def reset(self) -> None:
        """As if new, for the next test."""
        self.clock.moment = datetime.now(UTC)
        self.allowed = lambda *_: True
        self.outbox.notices.clear()

    # -- who is there ----------------------------------------------------------------------

    def _tenant(self, number: str, name: str) -> str:
        with transaction() as session:
            tenant = Tenant(
                id=self.randomness.uuid(),
                customer_number=number,
                name=name,
                accounts_mode="central",
                mfa_factors=[],
                created_at=self.clock.now(),
            )
            session.add(tenant)
        return tenant.id

    def person(self, **changes: Any) -> Person:
        """A new employee of Nord with every standard claim."""
        now = self.clock.now()
        with transaction() as session:
            account = Account(
                id=self.randomness.uuid(),
                subject=self.randomness.uuid(),
                email=f"{self.randomness.uuid()}@nord.example",
                email_verified=True,
                status="active",
                locale="de",
                address={},
                created_at=now,
                updated_at=now,
            )
            session.add(account)
        membership = PersonMembership(
            membership_id=self.randomness.uuid(),
            tenant_id=self.tenant_id,
            customer_number="012345678",
            tenant_name="Nord GmbH",
            role="employee",
            status="active",
            policy=Policy(),
            permissions=("payslip.read",),
            products=("hr", "payroll"),
        )
        person = Person(
            account_id=account.id,
            subject=account.subject,
            status="active",
            email=account.email,
            email_verified=True,
            locale="de",
            claims=PROFILE,
            memberships=(membership,),
        )
        person = replace(person, **changes)
        self.people.persons[person.subject] = person
        self.store.put(self.people.key(person.subject), person.subject, 600)
        return person

    def client(self, *, first_party: bool = True, **metadata: Any) -> tuple[Client, str]:
        """A registered client and its secret."""
        metadata.setdefault("redirect_uris", ["https://rp.example/cb"])
        metadata.setdefault("grant_types", ["authorization_code", "refresh_token"])
        metadata.setdefault("client_name", "Client")
        client, secret = self.registry.register(
            metadata, first_party=first_party, tenant_id=metadata.pop("tenant_id", None)
        )
        return client, secret or ""

    def authentication(self, person: Person, **changes: Any) -> Authentication:
        """A sign-in of just now with one factor."""
        has_company = bool(person.memberships)
        found = Authentication(
            subject=person.subject,
            account_id=person.account_id,
            tenant_id=self.tenant_id if has_company else None,
            customer_number="012345678" if has_company else None,
            sid=self.randomness.uuid(),
            auth_time=self.clock.now(),
            acr=ACR_SINGLE,
            amr=("pwd",),
        )
        return replace(found, **changes)

    # -- requests --------------------------------------------------------------------------

    def ask(self, client: Client, **parameters: Any) -> AuthorizationRequest:
        """A checked authorization request; parameters set to None are left out."""
        return self.server.check_authorization_request(authorize(client.client_id, **parameters))

    def code(
        self,
        client: Client,
        person: Person,
        authentication: Authentication | None = None,
        **parameters: Any,
    ) -> str:
        """An authorization code for that person."""
        asked = self.ask(client, **parameters)
        response = self.server.respond_success(
            asked, authentication or self.authentication(person), person
        )
        answer = answer_of(response)
        assert "code" in answer, answer
        return answer["code"]

    def token(
        self, client: Client, secret: str | None, headers: Any = None, **form: Any
    ) -> ProtocolResponse:
        """A token request, by basic unless there is no secret."""
        return self.server.token(post("/token", client, secret, headers, **form))

    def redeem(
        self, client: Client, secret: str | None, code: str, **form: Any
    ) -> ProtocolResponse:
        """Redeem a code."""
        form.setdefault("redirect_uri", "https://rp.example/cb")
        form.setdefault("code_verifier", VERIFIER)
        return self.token(client, secret, grant_type="authorization_code", code=code, **form)

    def tokens(
        self, client: Client, secret: str | None, person: Person, **parameters: Any
    ) -> dict[str, Any]:
        """Everything a sign-in gives."""
        response = self.redeem(client, secret, self.code(client, person, **parameters))
        return body_of(response, 200)

    def refresh(
        self, client: Client, secret: str | None, token: str, **form: Any
    ) -> ProtocolResponse:
        """Use a refresh token."""
        return self.token(client, secret, grant_type="refresh_token", refresh_token=token, **form)

    def userinfo(self, token: str) -> ProtocolResponse:
        """Userinfo by GET and header."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.server.userinfo(ProtocolRequest("GET", ISSUER + "/userinfo", headers=headers))

    def claims(self, token: str) -> dict[str, Any]:
        """The payload of a token of ours, its signature verified."""
        return self.keyring.verify(token, algs=("RS256", "ES256", "EdDSA"), typ=None)

    def in_parallel(self, count: int, action: Callable[[], Any]) -> list[Any]:
        """Results of that many calls, all let go at once, each with a session of its own."""
        gate = threading.Barrier(count, timeout=60)

        def run(_: int) -> Any:
            with self.app.app_context():
                gate.wait()
                return action()

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(run, range(count)))


@contextmanager
def world_in(folder: Path, database_url: str | None = None) -> Iterator[World]:
    """A world for a session of tests."""
    world = World(folder, database_url)
    try:
        yield world
    finally:
        world.close()
