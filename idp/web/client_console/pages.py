"""What is shown of clients: the list, one of them, the form and its check as one types."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Response, jsonify, request

from idp.clients import listing
from idp.clients.client import SECRET_METHODS, Client
from idp.clients.problems import find_problems
from idp.clients.registry import managing
from idp.clients.secrets import SecretFacts
from idp.core.vocabulary import MANAGEMENT_SCOPES, ManagementScope
from idp.infra.ephemeral import StoreUnavailable
from idp.protocol.failed_flows import FailedFlow
from idp.tenants.catalogue import PRODUCTS, product_name
from idp.web import http
from idp.web.admin.frame import done
from idp.web.client_console.console import Console, decode_cursor, encode_cursor
from idp.web.client_console.form import (
    Problems,
    kind_of,
    metadata_of,
    read_form,
    to_problems,
    values_of,
    without_operators_fields,
)
from idp.web.client_words import problem_sentence
from idp.web.contexts import clients as contexts
from idp.web.contexts.clients import ClientValues
from idp.web.i18n import Translator
from idp.web.typed import typed_form

PAGE = 50


def discovery_url() -> str:
    """What a program needs to know of us."""
    return f"{http.services().settings.issuer}/.well-known/openid-configuration"


def list_page(console: Console) -> Response:
    """The clients in view, with how often each failed lately."""
    everything = http.services()
    query = request.args.get("q", "").replace("\x00", "")[: listing.LONGEST_SEARCH]
    owner = _owner(console)
    after = decode_cursor(request.args.get("after", "")[:2000])
    found = everything.clients.list(
        console.tenant_id, owner=owner, query=query, after=after, limit=PAGE + 1
    )
    shown = found[:PAGE]
    companies = everything.client_desk.companies_of(shown) if console.for_operators else {}
    try:
        failed = everything.failed_flows.count([one.client_id for one in shown])
    except StoreUnavailable:
        failed = {}
    filters = {name: value for name, value in (("q", query), ("owner", owner)) if value != "all"}
    filters = {name: value for name, value in filters.items() if value}
    page = contexts.Clients(
        **console.frame,
        notice=done(),
        discovery_url=discovery_url(),
        query=query,
        owner=owner,
        total=listing.count(tenant_id=console.tenant_id, owner=owner, query=query),
        first_url=f"?{urlencode(filters)}" if after else "",
        next_url=_next_url(filters, shown[-1]) if len(found) > PAGE else "",
        clients=tuple(
            contexts.ClientRow(
                client_id=one.client_id,
                name=one.client_name,
                redirect_uri=one.redirect_uris[0] if one.redirect_uris else "",
                created_at=one.created_at,
                disabled=one.disabled_at is not None,
                first_party=one.first_party,
                company=companies.get(one.tenant_id or "", ("", ""))[0],
                customer_number=companies.get(one.tenant_id or "", ("", ""))[1],
                failed=failed.get(one.client_id, 0),
            )
            for one in shown
        ),
    )
    return console.show(page)


def _owner(console: Console) -> listing.Owner:
    asked = request.args.get("owner", "all")
    if console.for_operators:
        for owner in listing.OWNERS:
            if owner == asked:
                return owner
    return "all"


def _next_url(filters: dict[str, str], last: Client) -> str:
    return "?" + urlencode({**filters, "after": encode_cursor(last.client_name, last.id)})


def detail_page(console: Console, client: Client, errors: dict[str, str] | None = None) -> Response:
    """One client: its facts, secrets, and last failed flows."""
    everything, form = http.services(), typed_form()
    full = everything.client_desk.may_grant_management(console.actor, console.tenant_id)
    page = contexts.ClientDetail(
        **console.frame,
        notice=done(),
        errors=errors or {},
        client_id=client.client_id,
        client_name=client.client_name,
        discovery_url=discovery_url(),
        values=values_of(client),
        company=_company_of(client),
        product=product_name(client.product),
        first_party=client.first_party,
        scope=client.scope,
        created_at=client.created_at,
        disabled_at=client.disabled_at,
        locked=bool(managing(client.scope)) and not full,
        failed=form.get("action", ""),
        overlap_hours=form.get("overlap_hours", ""),
        confirm_name=form.get("confirm_name", "")[:200],
        secrets=_secrets(client),
        failed_flows=_failed_flows(client),
    )
    return console.show(page, status=400 if errors else None)


def _company_of(client: Client | None) -> str:
    """The name of the company that owns it."""
    if client is None or client.tenant_id is None:
        return ""
    return http.services().client_desk.companies_of([client])[client.tenant_id][0]


def _secrets(client: Client) -> tuple[SecretFacts, ...]:
    if client.token_endpoint_auth_method not in SECRET_METHODS:
        return ()
    return tuple(http.services().clients.secrets_of(client))


def _failed_flows(client: Client) -> tuple[contexts.FailedFlowRow, ...] | None:
    try:
        flows = http.services().failed_flows.list(client.client_id)
    except StoreUnavailable:
        return None
    names: dict[str, str] = {}
    return tuple(_flow_row(client, flow, names) for flow in flows)


def _flow_row(client: Client, flow: FailedFlow, names: dict[str, str]) -> contexts.FailedFlowRow:
    if flow.subject is not None and flow.subject not in names:
        # Kept for members of the company alone; somebody who has left it is not named any more.
        person = http.services().persons.load(flow.subject)
        belongs = person is not None and client.tenant_id is not None
        member = person.membership_of(client.tenant_id or "") if person and belongs else None
        names[flow.subject] = person.email if person and member else ""
    return contexts.FailedFlowRow(
        at=datetime.fromtimestamp(flow.at, UTC),
        endpoint=flow.endpoint,
        error=flow.error,
        by_person=flow.kind == "person",
        proven=flow.proven,
        parameter=flow.parameter,
        why=flow.why,
        mend=flow.mend,
        value=flow.value,
        address=flow.address,
        reference=flow.reference,
        person=names.get(flow.subject or "", ""),
    )


def form_page(
    console: Console,
    values: ClientValues,
    client: Client | None = None,
    *,
    problems: Problems | None = None,
    status: int | None = None,
    **more: Any,
) -> Response:
    """The form, empty, filled from a client, or as it was typed with what is wrong."""
    grants = http.services().client_desk.may_grant_management(console.actor, console.tenant_id)
    problems = problems or {}
    operators_own = console.for_operators and (client is None or client.tenant_id is None)
    page = contexts.ClientForm(
        **console.frame,
        notice=done(),
        errors={name: found[0].code for name, found in problems.items()},
        values=values,
        problems=problems,
        client_id=client.client_id if client else "",
        may_grant_management=grants,
        management_choices=tuple(
            name for name in MANAGEMENT_SCOPES if operators_own or name != ManagementScope.OPERATOR
        ),
        product_choices=tuple((product.key, product.label) for product in PRODUCTS),
        company=_company_of(client),
        **more,
    )
    return console.show(page, status=status)


def checked(
    console: Console, client: Client | None = None
) -> tuple[ClientValues, dict[str, Any], Problems]:
    """The posted form: what was typed, what it stands for, and what is wrong with it."""
    values = read_form(request.form, kind_of(client) if client else None)
    if not console.for_operators:
        values = without_operators_fields(values, values_of(client) if client else None)
    metadata = metadata_of(values, client)
    whole = {**client.metadata(), **metadata} if client else metadata
    refusals = find_problems(
        whole,
        http.services().settings.loopback,
        allow_management=bool(values.management_scopes),
    )
    return values, metadata, to_problems(refusals, values)


def check_page(console: Console) -> Response:
    """The same judgement as one types, as JSON: sentences by field. It changes nothing and asks no
    store for anything but who is asking.
    """
    client_id = request.form.get("client_id", "")
    _, _, problems = checked(console, console.get(client_id) if client_id else None)
    say = Translator(http.locale_for(console.who.person)).gettext
    answer = jsonify(
        {
            name: [problem_sentence(say, problem) for problem in found]
            for name, found in problems.items()
        }
    )
    answer.headers["Cache-Control"] = "no-store"
    return http.guard().protect_api(answer)
