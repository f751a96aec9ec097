"""An authorization request tried out: judged by the very checks of the endpoint, nothing issued.

The sign-in that would follow is a person's own; the consoles let one walk through it.
"""

from typing import Annotated

from msgspec import Meta

from idp.core.vocabulary import ManagementScope
from idp.protocol.dry_run import LONGEST_REQUEST, Check, DryRun, parameters_of
from idp.tenants.catalogue import MANAGE_CLIENTS
from idp.web.api.problems import field_problem
from idp.web.api.resources.clients import get_client
from idp.web.api.resources.fields import STRICT, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services


class RequestToCheck(Wire, **STRICT):
    """An authorization request as the client would send it: the whole address, or its query."""

    request: Annotated[str, Meta(min_length=1, max_length=LONGEST_REQUEST)]


class RequestCheck(Wire):
    """One check by its name. Of one that failed: the OAuth error, the parameter at fault, why, and
    how to mend it.
    """

    name: str
    holds: bool
    error: str
    parameter: str
    why: str
    mend: str


class RequestChecked(Wire):
    """Every check up to the first that fails; `valid`: none does."""

    valid: bool
    checks: list[RequestCheck]


@operation(
    "POST",
    "/companies/{number}/clients/{client_id}/check-request",
    scope=ManagementScope.CLIENTS_READ,
    right=MANAGE_CLIENTS,
)
def check_request(call: Call, client_id: str, body: RequestToCheck) -> RequestChecked:
    """Say what is wrong with an authorization request of a client; nothing is issued or sent."""
    return _checked(call, client_id, body)


@operation("POST", "/clients/{client_id}/check-request", scope=ManagementScope.OPERATOR)
def check_any_request(call: Call, client_id: str, body: RequestToCheck) -> RequestChecked:
    """Say what is wrong with an authorization request of a client, whoever owns it."""
    return _checked(call, client_id, body)


def _checked(call: Call, client_id: str, body: RequestToCheck) -> RequestChecked:
    get_client(call, client_id)
    asked = parameters_of(body.request)
    # The checks of another company's client would tell what it has registered.
    if [value for name, value in asked if name == "client_id"] != [client_id]:
        raise field_problem("request", "The request names this client in client_id, once.")
    checks, valid = DryRun(services().protocol).judge(asked)
    return RequestChecked(valid is not None, [_described(check) for check in checks])


def _described(check: Check) -> RequestCheck:
    error = check.error
    if error is None:
        return RequestCheck(check.name, True, "", "", "", "")
    hint = error.hint
    return RequestCheck(
        name=check.name,
        holds=False,
        error=error.error,
        parameter=hint.parameter if hint else "",
        why=hint.why if hint else error.text,
        mend=hint.mend if hint else "",
    )
