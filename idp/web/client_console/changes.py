"""What is done to clients: register, change, new secrets, out of service, delete.

Everything here asks for a sign-in of the last minutes; what was typed survives it.
"""

from collections.abc import Callable
from datetime import timedelta

from flask import Response, abort, request

from idp.clients.client import Client
from idp.clients.metadata import InvalidMetadata
from idp.clients.registry import UnknownClient
from idp.clients.secrets import LastSecret
from idp.people.actors import NotAllowed
from idp.tenants.errors import UnknownTenant
from idp.web import http
from idp.web.client_console.console import Console
from idp.web.client_console.form import (
    Problems,
    consequences,
    kind_of,
    read_form,
    to_problems,
    token_of,
    values_of,
)
from idp.web.client_console.pages import checked, detail_page, discovery_url, form_page
from idp.web.contexts import clients as contexts
from idp.web.contexts.clients import ClientValues, FieldProblem
from idp.web.typed import typed_form

OVERLAPS = (0, 1, 24, 168)
"""Hours for which the old secret may go on."""

Opener = Callable[..., Console]
"""Opens the console: ``opener(fresh=True)``."""


def new_form(opener: Opener) -> Response:
    """The form."""
    console, form = opener(fresh=True), typed_form()
    return form_page(console, read_form(form) if form else ClientValues())


def register(opener: Opener) -> Response:
    """Register; the secret is on the answer and nowhere else."""
    http.check_form()
    console = opener(fresh=True)
    values, metadata, problems = checked(console)
    tenant_id, owner_problem = _owner(console, values)
    if owner_problem:
        problems = {**problems, "customer_number": (owner_problem,)}
    if problems:
        return form_page(console, values, problems=problems, status=400)
    first_party = console.for_operators and tenant_id is None and values.standing == "first-party"
    try:
        client, secret = http.services().client_desk.register(
            console.actor, metadata, tenant_id, first_party=first_party
        )
    except InvalidMetadata as error:
        return form_page(console, values, problems=to_problems([error], values), status=400)
    except NotAllowed:
        abort(404)
    return _created(console, client, secret)


def _owner(console: Console, values: ClientValues) -> tuple[str | None, FieldProblem | None]:
    """The company it is registered for: the console's own, or the one an operator names."""
    if not console.for_operators or values.standing != "company":
        return console.tenant_id, None
    if not values.customer_number.strip():
        return None, FieldProblem(code="customer-number-required")
    try:
        return http.services().tenants.get_by_customer_number(values.customer_number).id, None
    except UnknownTenant:
        return None, FieldProblem(code="customer-number-unknown")


def edit_form(opener: Opener, client_id: str) -> Response:
    """The form, filled from the client."""
    console, form = opener(fresh=True), typed_form()
    client = console.get(client_id)
    values = read_form(form, kind_of(client)) if form else values_of(client)
    return form_page(console, values, client)


def change(opener: Opener, client_id: str) -> Response:
    """Save, once what it does to those who use the client was read."""
    http.check_form()
    console = opener(fresh=True)
    client = console.get(client_id)
    values, metadata, problems = checked(console, client)
    if problems:
        return form_page(console, values, client, problems=problems, status=400)
    ahead = consequences(values_of(client), values)
    if ahead and request.form.get("confirmed") != token_of(ahead):
        return form_page(console, values, client, consequences=ahead, confirmed=token_of(ahead))
    return _save(console, client, values, metadata)


def _save(
    console: Console, client: Client, values: ClientValues, metadata: dict[str, object]
) -> Response:
    operators_own = console.for_operators and client.tenant_id is None
    first_party = values.standing == "first-party" if operators_own else None
    if not operators_own or not first_party:
        metadata["product"] = None if operators_own else client.product
    try:
        changed, secret = http.services().client_desk.change(
            console.actor, client.client_id, metadata, console.tenant_id, first_party=first_party
        )
    except InvalidMetadata as error:
        problems: Problems = to_problems([error], values)
        return form_page(console, values, client, problems=problems, status=400)
    except (NotAllowed, UnknownClient):
        abort(404)
    if secret is not None:
        return _created(console, changed, secret)
    return http.see_other(f"{console.base}/{client.client_id}?done=client-saved")


def act(opener: Opener, client_id: str) -> Response:
    """One of the actions on the client's page."""
    http.check_form()
    console = opener(fresh=True)
    client = console.get(client_id)
    desk = http.services().client_desk
    here = f"{console.base}/{client_id}"
    try:
        match request.form.get("action"):
            case "rotate-secret":
                return _rotate(console, client)
            case "end-secret":
                secret = request.form.get("secret", "")[:64]
                desk.end_secret(console.actor, client_id, secret, console.tenant_id)
                return http.see_other(f"{here}?done=client-secret-ended")
            case "disable" | "enable" as action:
                desk.set_enabled(console.actor, client_id, action == "enable", console.tenant_id)
                return http.see_other(f"{here}?done=client-{action}d")
            case "delete":
                if request.form.get("confirm_name", "").strip() != client.client_name:
                    return detail_page(console, client, {"confirm_name": "confirm-name-mismatch"})
                desk.delete(console.actor, client_id, console.tenant_id)
                return http.see_other(f"{console.base}?done=client-deleted")
            case _:
                abort(400)
    except LastSecret:
        return detail_page(console, client, {"": "last-secret"})
    except (NotAllowed, UnknownClient):
        abort(404)


def _rotate(console: Console, client: Client) -> Response:
    chosen = request.form.get("overlap_hours", "")
    if chosen not in map(str, OVERLAPS):
        return detail_page(console, client, {"overlap_hours": "overlap-invalid"})
    hours = int(chosen)
    try:
        secret = http.services().client_desk.rotate_secret(
            console.actor, client.client_id, hours * 3600, console.tenant_id
        )
    except InvalidMetadata:
        abort(400)
    return _created(console, client, secret, hours=hours)


def _created(
    console: Console, client: Client, secret: str | None, *, hours: int | None = None
) -> Response:
    until = http.services().clock.now() + timedelta(hours=hours) if hours else None
    return console.show(
        contexts.ClientCreated(
            **console.frame,
            client_id=client.client_id,
            client_name=client.client_name,
            secret=secret or "",
            discovery_url=discovery_url(),
            kind=kind_of(client),
            rotated=hours is not None,
            old_until=until,
        )
    )
