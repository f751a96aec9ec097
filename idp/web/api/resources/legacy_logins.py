"""Old products that are asked whether a password is right, where no hash could be handed over."""

from typing import Annotated

from msgspec import Meta

from idp.core.vocabulary import ManagementScope
from idp.tenants.catalogue import PRODUCT_KEYS
from idp.web.api.problems import Problem
from idp.web.api.resources.fields import STRICT, Moment, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services

OPERATOR = ManagementScope.OPERATOR
_ONE = "/legacy-logins/{product}"


class LegacyLogin(Wire):
    """A product that is asked, and where; its secret is not shown again. `silent_since`: it has not
    answered from then on, and is asked again at `asked_at`.
    """

    product: str
    uri: str
    updated_at: Moment
    silent_since: Moment | None
    asked_at: Moment | None


class LegacyLogins(Wire):
    """All of them."""

    items: list[LegacyLogin]


class LegacyAddress(Wire, **STRICT):
    """Where to ask: an https address."""

    uri: Annotated[str, Meta(min_length=1, max_length=2000)]


class LegacySecret(Wire):
    """What the calls are signed with, shown this once."""

    secret: str


@operation("GET", "/legacy-logins", scope=OPERATOR)
def list_legacy_logins(call: Call) -> LegacyLogins:
    """List the products that are asked about passwords."""
    return LegacyLogins(
        [
            LegacyLogin(
                product=one.product,
                uri=one.uri,
                updated_at=one.updated_at,
                silent_since=one.pause.since if one.pause else None,
                asked_at=one.pause.until if one.pause else None,
            )
            for one in services().legacy_logins.list()
        ]
    )


@operation("PUT", _ONE, scope=OPERATOR, fresh=True)
def set_legacy_login(call: Call, product: str, body: LegacyAddress) -> LegacySecret:
    """Ask a product there from now on; the secret before this one is void at once."""
    if product not in PRODUCT_KEYS:
        raise Problem(404, "There is no such product.")
    hooks, actor = services().legacy_logins, call.access.actor
    return LegacySecret(hooks.configure(product, body.uri, actor=actor.subject))


@operation("DELETE", _ONE, scope=OPERATOR, fresh=True)
def remove_legacy_login(call: Call, product: str) -> None:
    """Ask a product no more; who has no password of ours by now sets a new one."""
    if not services().legacy_logins.remove(product, actor=call.access.actor.subject):
        raise Problem(404, "This product is not asked.")
