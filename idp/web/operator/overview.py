"""Is anything wrong: what waits for an operator, and what the platform says of itself."""

from flask import Response

from idp.infra.database import DatabaseUnavailable
from idp.people.operators.watch import Finding
from idp.web import contexts
from idp.web.admin.frame import done, me_of
from idp.web.guards import operator
from idp.web.http import services
from idp.web.operator import bp
from idp.web.operator.frame import show

_WHERE = {
    "cases-open": "/operator/cases",
    "requests-open": "/operator/requests",
    "dead-letters": "/operator/deliveries?state=dead",
    "queue-late": "/operator/deliveries?state=waiting",
    "keys-due": "/operator/keys",
    "keys-missing": "/operator/keys",
}


@bp.get("/operator")
def overview() -> Response:
    """What an operator opens every morning."""
    who = operator()
    watch = services().watch
    try:
        figures = watch.figures()
    except DatabaseUnavailable:
        figures = None
    context = contexts.OperatorOverview(
        me=me_of(who.person),
        notice=done(),
        findings=tuple(map(_finding, watch.findings())),
        figures=figures,
    )
    return show(who, context)


def _finding(finding: Finding) -> contexts.FindingRow:
    return contexts.FindingRow(
        trouble=finding.trouble,
        url=_WHERE.get(finding.trouble, "/operator/health"),
        count=finding.count,
        since=finding.since,
        serious=finding.serious,
    )
