"""A person's way to a second factor: reset, and a one-time bypass."""

from typing import Annotated

from msgspec import Meta

from idp.core.vocabulary import ManagementScope
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.web.api.resources.fields import STRICT, Moment, Reason, Why, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services

WRITE = ManagementScope.PEOPLE_WRITE
_ONE = "/companies/{number}/people/{person_id}"


class Bypass(Wire, **STRICT):
    """For how long one sign-in may do without the second factor."""

    hours: Annotated[int, Meta(ge=1, le=72)]
    reason: Reason = ""


class BypassGranted(Wire):
    """Until when it can be used."""

    until: Moment


@operation(
    "POST",
    f"{_ONE}/reset-factors",
    scope=WRITE,
    right=MANAGE_PEOPLE,
    fresh=True,
    conflict="Oneself, or another company relies on the second factor.",
)
def reset_factors(call: Call, person_id: str, body: Why) -> None:
    """Forget a person's second factor (a lost phone).

    The next sign-in sets up a new one; the person is told by mail and every session ends.
    """
    services().people.reset_factors(call.at.tenant_id, call.access.actor, person_id, body.reason)


@operation(
    "PUT",
    f"{_ONE}/bypass",
    scope=ManagementScope.POLICY_WRITE,
    fresh=True,
    conflict="Nothing is demanded of the person, or only a passkey will do.",
)
def grant_bypass(call: Call, person_id: str, body: Bypass) -> BypassGranted:
    """Let one sign-in of a person do without the second factor."""
    until = services().rollout.grant_bypass(
        call.at.tenant_id, call.access.actor, person_id, body.hours, body.reason
    )
    return BypassGranted(until)


@operation("DELETE", f"{_ONE}/bypass", scope=ManagementScope.POLICY_WRITE, conflict="Oneself.")
def revoke_bypass(call: Call, person_id: str) -> None:
    """Take a bypass back; without one nothing happens."""
    services().rollout.revoke_bypass(call.at.tenant_id, call.access.actor, person_id)
