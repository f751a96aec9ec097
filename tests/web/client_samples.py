"""Filled contexts of the pages of clients, in a company's console and in the operators'."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from idp.clients.secrets import SecretFacts
from idp.web import contexts as pages
from tests.web.case_samples import ME
from tests.web.login_samples import NOW

DISCOVERY = "https://login.einlass.example/.well-known/openid-configuration"
VALUES = pages.ClientValues(
    client_name="Intranet",
    redirect_uris="https://intranet.nord.example/oidc/callback\nhttp://localhost:3000/cb",
    post_logout_redirect_uris="https://intranet.nord.example/",
    backchannel_logout_uri="https://intranet.nord.example/oidc/logout",
)
FLOWS = (
    pages.FailedFlowRow(
        at=NOW - timedelta(minutes=3),
        endpoint="authorize",
        error="invalid_request",
        parameter="redirect_uri",
        why="is not registered for this client",
        mend="register it, or send a registered one; they are compared character by character",
        value="https://xn--ntranet-2ua.nord.example/oidc/callback?next=...",
        address="192.0.2.7",
        reference="kJ3x-a8Q",
    ),
    pages.FailedFlowRow(
        at=NOW - timedelta(hours=2),
        endpoint="token",
        error="invalid_grant",
        proven=True,
        parameter="code",
        why="is unknown, expired, already used or of another client",
        mend="redeem a code once, at once, by the client that asked for it",
        address="2001:db8:5:17::1",
        reference="Zm9vYmFy",
    ),
    pages.FailedFlowRow(
        at=NOW - timedelta(days=2),
        endpoint="authorize",
        error="access_denied",
        by_person=True,
        why="denied",
        person="erik@nord.example",
    ),
    pages.FailedFlowRow(
        at=NOW - timedelta(days=3),
        endpoint="authorize",
        error="unmet_authentication_requirements",
        by_person=True,
        parameter="acr_values",
        why="demands more than this sign-in reached",
        mend="start again without prompt=none",
        person="<b>erik</b>@nord.example",
    ),
)
CHECKS = (
    pages.CheckRow(name="load_client"),
    pages.CheckRow(
        name="match_redirect",
        good=False,
        error="invalid_request",
        parameter="redirect_uri",
        why="is not registered for this client",
        mend="register it, or send a registered one",
    ),
)


def client_samples(frame: pages.AdminFrame) -> dict[str, pages.Page]:
    """Every page, most of them in the company's console."""
    ours: dict[str, Any] = {
        "layout": "admin/_layout.html",
        "base": f"{frame.base}/clients",
        "frame": frame,
    }
    theirs: dict[str, Any] = {
        "layout": "operator/_layout.html",
        "base": "/operator/clients",
        "me": ME,
    }
    one: dict[str, Any] = {"client_id": "intranet-ab12", "client_name": "Intranet"}
    detail = pages.ClientDetail(
        **ours,
        **one,
        discovery_url=DISCOVERY,
        values=VALUES,
        scope="openid profile email tenant",
        created_at=NOW - timedelta(days=40),
        secrets=(
            SecretFacts(id="s1", created_at=NOW, expires_at=None, last_used_at=None),
            SecretFacts(
                id="s2",
                created_at=NOW - timedelta(days=40),
                expires_at=NOW + timedelta(days=1),
                last_used_at=NOW - timedelta(hours=2),
            ),
        ),
        failed_flows=FLOWS,
    )
    rows = (
        pages.ClientRow(
            client_id="intranet-ab12",
            name="Intranet",
            redirect_uri="https://intranet.nord.example/oidc/callback",
            created_at=NOW - timedelta(days=40),
            failed=3,
        ),
        pages.ClientRow(client_id="c8", name="Wiki", disabled=True),
    )
    wrong = {
        "client_name": (pages.FieldProblem(code="client-name-required"),),
        "redirect_uris": (
            pages.FieldProblem(code="uri-http", line=1),
            pages.FieldProblem(
                code="uri-foreign-host", line=3, values={"host": "xn--ntranet-2ua.nord.example"}
            ),
        ),
        "backchannel_logout_uri": (pages.FieldProblem(code="uri-scheme"),),
        "": (
            pages.FieldProblem(
                code="client-metadata-invalid", values={"reason": "scope must be a string"}
            ),
        ),
    }
    form = pages.ClientForm(
        **ours,
        may_grant_management=True,
        management_choices=("einlass:people.read", "einlass:people.write"),
    )
    trial = pages.ClientTest(
        **ours,
        **one,
        token_endpoint="https://login.einlass.example/token",
        request="https://login.einlass.example/authorize?client_id=intranet-ab12",
        checks=CHECKS,
        real_url="https://login.einlass.example/authorize?client_id=intranet-ab12",
    )
    result = pages.ClientTestResult(
        **ours,
        **one,
        consent=("openid", "profile"),
        scope=("openid", "profile"),
        redirect_uri="https://intranet.nord.example/oidc/callback",
        id_token='{\n  "sub": "<b>x</b>"\n}',
        userinfo='{\n  "sub": "x"\n}',
    )
    return {
        "clients": pages.Clients(
            **ours, clients=rows, total=2, discovery_url=DISCOVERY, next_url="?after=x"
        ),
        "clients-empty": pages.Clients(**ours, notice="client-deleted"),
        "clients-operator": pages.Clients(
            **theirs,
            clients=(
                replace(rows[0], company="Nord GmbH", customer_number="012345678"),
                replace(rows[1], first_party=True),
                pages.ClientRow(client_id="c9", name="Partner <i>x</i>"),
            ),
            total=3,
            first_url="?",
        ),
        "clients-operator-none": pages.Clients(**theirs, query="<b>zzz", owner="partner"),
        "client-form": form,
        "client-form-error": replace(
            form,
            values=replace(VALUES, redirect_uris="http://intranet"),
            problems=wrong,
            errors={name: found[0].code for name, found in wrong.items()},
        ),
        "client-form-edit": replace(
            form,
            values=VALUES,
            client_id="intranet-ab12",
            may_grant_management=False,
            consequences=(
                pages.Consequence(code="redirect-uri-removed", value="https://old.example/cb"),
                pages.Consequence(code="pkce-demanded"),
            ),
            confirmed="0" * 16,
        ),
        "client-form-operator": pages.ClientForm(
            **theirs, product_choices=(("hr", "HR"), ("payroll", "Payroll"))
        ),
        "client-created": pages.ClientCreated(
            **ours, **one, discovery_url=DISCOVERY, secret="s" * 43
        ),
        "client-created-public": pages.ClientCreated(
            **ours, **one, discovery_url=DISCOVERY, kind="browser"
        ),
        "client-created-key": pages.ClientCreated(
            **theirs, **one, discovery_url=DISCOVERY, kind="service"
        ),
        "client-rotated": pages.ClientCreated(
            **ours,
            **one,
            discovery_url=DISCOVERY,
            secret="s" * 43,
            rotated=True,
            old_until=NOW + timedelta(days=1),
        ),
        "client": detail,
        "client-public": replace(
            detail,
            secrets=(),
            values=replace(VALUES, kind="browser", token_endpoint_auth_method="none"),
            errors={"confirm_name": "confirm-name-mismatch"},
            failed_flows=(),
        ),
        "client-off": replace(
            detail,
            disabled_at=NOW - timedelta(days=1),
            failed_flows=None,
            errors={"": "last-secret", "overlap_hours": "overlap-invalid"},
        ),
        "client-locked": replace(detail, locked=True, values=replace(VALUES, kind="service")),
        "client-operator": pages.ClientDetail(
            **theirs, **one, discovery_url=DISCOVERY, values=VALUES, first_party=True, product="HR"
        ),
        "client-test": trial,
        "client-test-start": replace(
            trial,
            start_url="https://intranet.nord.example/start?iss=x",
            errors={"request": "request-other-client"},
        ),
        "client-test-service": replace(trial, kind="service", notice="client-test-over"),
        "client-test-off": replace(trial, disabled=True),
        "client-test-result": result,
        "client-test-refused": replace(
            result, refusal=replace(CHECKS[1], name="decide", error="access_denied")
        ),
    }
