"""What the pages of the operators' console have in common."""

from flask import Response

from idp.core.person import Person
from idp.people.actors import Actor
from idp.tenants.catalogue import PRODUCTS
from idp.web import contexts, http
from idp.web.signed_in import SignedIn
from idp.web.typed import typed_form


def show(who: SignedIn, page: contexts.OperatorPage, *, status: int | None = None) -> Response:
    """A page of the console."""
    return http.page(page, status=status, person=who.person)


def acting(who: SignedIn) -> Actor:
    """The operator as services know them."""
    return Actor.operator(who.person)


def typed(name: str, default: str = "") -> str:
    """What a field of the page's form says; at most as long as any takes."""
    return typed_form().get(name, default)[:400]


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
