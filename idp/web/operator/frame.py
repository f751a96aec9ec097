"""What the pages of the operators' console have in common."""

from urllib.parse import quote, urlencode

from flask import Response, request

from idp.core.person import Person
from idp.people.actors import Actor
from idp.tenants.catalogue import PRODUCTS
from idp.web import contexts, http
from idp.web.signed_in import SignedIn


def show(who: SignedIn, page: contexts.OperatorPage, *, status: int | None = None) -> Response:
    """A page of the console."""
    return http.page(page, status=status, person=who.person)


def acting(who: SignedIn) -> Actor:
    """The operator as services know them."""
    return Actor.operator(who.person)


def kept(*fields: str) -> str:
    """This page with what was typed: where a sign-in that a post has to wait for leads back to."""
    form = request.form
    pairs = [("again", form.get("action", "")[:20])]
    pairs += [(name, value[:200]) for name in fields for value in form.getlist(name)[:10]]
    return f"{request.path}?{urlencode(pairs, quote_via=quote)}"


def typed(name: str, default: str = "") -> str:
    """What a form says, or brings back from a sign-in; at most as long as any field takes."""
    source = request.form if request.method == "POST" else request.args
    return source.get(name, default)[:400]


def product_choices(checked: frozenset[str]) -> tuple[contexts.ProductChoice, ...]:
    """The catalogue as boxes to tick."""
    return tuple(
        contexts.ProductChoice(key=product.key, label=product.label, checked=product.key in checked)
        for product in PRODUCTS
    )


def labels_of(keys: tuple[str, ...] | frozenset[str]) -> tuple[str, ...]:
    """Message ids of products, in the catalogue's order."""
    return tuple(product.label for product in PRODUCTS if product.key in keys)


def locale_of(person: Person) -> str:
    """The language that mails to somebody new are written in unless another one is chosen."""
    return http.locale_for(person)
