"""What the pages of a login say about where it leads, and the page of one that is over."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Response

from idp.authn.login.transaction import LoginTransaction, WrongBrowser
from idp.clients.client import Client
from idp.core.person import PersonMembership
from idp.web.contexts import Brand, Entering, TransactionGone
from idp.web.http import page
from idp.web.signed_in import signed_in


def entering(client: Client, redirect_uri: str) -> dict[str, Any]:
    """What a login transaction remembers of the client, for its pages."""
    return {
        "name": client.client_name,
        "logo_uri": client.logo_uri or "",
        "client_uri": client.client_uri or "",
        "policy_uri": client.policy_uri or "",
        "tos_uri": client.tos_uri or "",
        "redirect_uri": redirect_uri,
    }


def entering_of(tx: LoginTransaction, tenant_name: str = "") -> Entering | None:
    """The head of a login page; None when the login leads to one of our own pages."""
    summary: Mapping[str, Any] = tx.client
    if not summary:
        return None
    return Entering(
        client_name=summary["name"],
        tenant_name=tenant_name,
        logo_uri=summary["logo_uri"],
        client_uri=summary["client_uri"],
        policy_uri=summary["policy_uri"],
        tos_uri=summary["tos_uri"],
    )


def brand_of(membership: PersonMembership | None) -> Brand | None:
    """Colour and logo of the company being entered, once it is known."""
    if membership is None:
        return None
    return Brand(
        name=membership.tenant_name,
        accent=membership.tenant_accent,
        logo=membership.tenant_logo,
    )


def form_targets(tx: LoginTransaction) -> tuple[str, ...]:
    """Where the forms of this login may lead beside our own pages."""
    redirect_uri = tx.client.get("redirect_uri")
    return (redirect_uri,) if redirect_uri else ()


def return_host(tx: LoginTransaction) -> str:
    """The host the browser goes to after a consent."""
    return urlsplit(tx.client.get("redirect_uri", "")).hostname or ""


def gone_page(error: LookupError) -> Response:
    """The page of a login that is over, unknown, or begun in another browser."""
    if isinstance(error, WrongBrowser):
        return page(TransactionGone(reason="other-browser"))
    if signed_in() is not None:
        return page(TransactionGone(reason="finished"))
    return page(TransactionGone(reason="expired"))
