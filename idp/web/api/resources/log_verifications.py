"""Proofs of the change logs: asked for, made in the background, read."""

from idp.core.vocabulary import ManagementScope
from idp.infra.audit import PLATFORM
from idp.web.api.problems import field_problem
from idp.web.api.resources.fields import STRICT, CustomerNumber, Moment, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services

OPERATOR = ManagementScope.OPERATOR
_HERE = "/log/verifications"


class LogToVerify(Wire, **STRICT):
    """Whose log; null: the platform's own."""

    company: CustomerNumber | None = None


class LogVerification(Wire):
    """A log that was gone through from end to end. `first`: the first of its problems."""

    company: str | None
    at: Moment
    problems: int
    first: str


class LogVerifications(Wire):
    """The last ten, the latest first; `waiting`: how many are yet to be made."""

    items: list[LogVerification]
    waiting: int


@operation("GET", _HERE, scope=OPERATOR)
def list_log_verifications(call: Call) -> LogVerifications:
    """List what the last verifications of change logs have found."""
    everything = services()
    made = []
    for one in everything.operations.verifications():
        known = everything.directory.find(one.chain) if one.chain != PLATFORM else None
        number = known.customer_number if known else None
        made.append(LogVerification(number, one.at, one.problems, one.first))
    return LogVerifications(made, len(everything.operations.verifying()))


@operation("POST", _HERE, scope=OPERATOR, status=202)
def verify_log(call: Call, body: LogToVerify) -> LogVerifications:
    """Have a change log checked from its first record to its last, in the background."""
    chain = PLATFORM
    if body.company is not None:
        found = services().tenants.find_by_customer_number(body.company)
        if found is None:
            raise field_problem("company", "There is no company with this customer number.")
        chain = found.id
    services().operations.ask_to_verify(call.access.actor, chain)
    return list_log_verifications(call)
