"""Where a page of clients stands, and who is asking: a company's console, or the operators'."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Response, abort

from idp.clients.client import Client
from idp.clients.registry import UnknownClient
from idp.people.actors import Actor
from idp.tenants.catalogue import MANAGE_CLIENTS
from idp.web import http
from idp.web.admin.frame import frame_of, me_of
from idp.web.contexts import Brand
from idp.web.contexts.clients import ClientsPage
from idp.web.guards import administrator, operator
from idp.web.signed_in import SignedIn


@dataclass(frozen=True, slots=True)
class Console:
    """``tenant_id`` None: the operators', for every client of the platform."""

    who: SignedIn
    actor: Actor
    base: str
    tenant_id: str | None
    frame: Mapping[str, Any]
    brand: Brand | None

    @property
    def for_operators(self) -> bool:
        """Whether the whole platform is in view."""
        return self.tenant_id is None

    def get(self, client_id: str) -> Client:
        """The client, if it can be seen here; else there is no such page."""
        try:
            return http.services().client_desk.get(self.actor, client_id, self.tenant_id)
        except UnknownClient:
            abort(404)

    def show(self, page: ClientsPage, *, status: int | None = None) -> Response:
        """A page in this console's frame."""
        return http.page(page, status=status, brand=self.brand, person=self.who.person)


def company_console(number: str, *, fresh: bool = False) -> Console:
    """For admins of that company and helpers with the right."""
    admin = administrator(number, right=MANAGE_CLIENTS, fresh=fresh)
    base = f"{admin.base}/clients"
    return Console(
        who=admin.who,
        actor=Actor.person(admin.who.person),
        base=base,
        tenant_id=admin.tenant_id,
        frame={"layout": "admin/_layout.html", "base": base, "frame": frame_of(admin)},
        brand=Brand(name=admin.membership.tenant_name, accent=admin.membership.tenant_accent),
    )


def operators_console(*, fresh: bool = False) -> Console:
    """For operators."""
    who = operator(fresh=fresh)
    base = "/operator/clients"
    return Console(
        who=who,
        actor=Actor.operator(who.person),
        base=base,
        tenant_id=None,
        frame={"layout": "operator/_layout.html", "base": base, "me": me_of(who.person)},
        brand=None,
    )


# Where a page of the list ended, as its address says it.


def encode_cursor(name: str, row_id: str) -> str:
    """What ``after`` says in the address."""
    return base64.urlsafe_b64encode(orjson.dumps((name, row_id))).rstrip(b"=").decode()


def decode_cursor(text: str) -> tuple[str, str] | None:
    """Where the page before ended; anything else is the beginning."""
    try:
        name, row_id = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, TypeError):
        return None
    fine = all(isinstance(part, str) and "\x00" not in part for part in (name, row_id))
    return (name, row_id) if fine else None
