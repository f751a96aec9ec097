"""What every view can ask for: the product it belongs to, the language, a page that explains."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import current_app, g, render_template, request, session

from clients.shared.config import Manifest, ProductConfig
from clients.shared.identity import Identity, identity_of
from clients.shared.language import Language, pick_language
from clients.shared.messages import message_for
from clients.shared.provider import Provider
from clients.shared.store import SessionStore


@dataclass(frozen=True, slots=True)
class Tab:
    """One entry of a product's navigation; shown only to those who may see what it leads to.

    ``below`` are the endpoints that are reached through it.
    """

    endpoint: str
    label: str
    permission: str | None = None
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What tells one product from another: its name, its pages, its words."""

    name: str
    title: str
    tabs: tuple[Tab, ...]
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Product:
    """One product at work."""

    look: Look
    config: ProductConfig
    manifest: Manifest
    store: SessionStore
    provider: Provider
    now: Callable[[], int]


def product() -> Product:
    """The product that serves the current request."""
    here: Product = current_app.extensions["product"]
    return here


def signed_in() -> Identity | None:
    """Who the current session belongs to, as last heard of."""
    claims = session.get("claims")
    return identity_of(claims) if claims else None


def current_language() -> Language:
    """The browser's language if it is one of ours, else the person's own."""
    if "language" not in g:
        identity = signed_in()
        wishes = [*request.accept_languages.values(), identity.locale if identity else ""]
        g.language = pick_language(wishes, product().look.words, product().now())
    language: Language = g.language
    return language


def message_page(code: str, status: int, *, retry: str = "/") -> tuple[str, int]:
    """A page that says what happened and what to do; ``code`` may come from the wire."""
    message = message_for(code)
    return render_template("message.html", message=message, retry=retry), status
