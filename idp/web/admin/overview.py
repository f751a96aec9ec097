"""The first page of a company's console: is anything wrong, what to do next (T1)."""

from flask import Response

from idp.people.overview import ToDo
from idp.tenants.catalogue import READ_LOG, console_rights
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.changes import latest_changes
from idp.web.admin.frame import done, frame_of, show
from idp.web.admin.policy_pages import rollout_view
from idp.web.guards import Administrator, administrator
from idp.web.http import services

CONSOLE_RIGHTS = console_rights("admin", ())
_WHERE = {
    "waiting": "/people?status=waiting",
    "admin-requests": "/requests",
    "factor-overdue": "/people?factor=missing",
    "factor-missing": "/people?factor=missing",
    "logout-failed": "/people",
    "clients-failing": "/clients",
    "secrets-ending": "/clients",
    "invitations-expired": "/people/invitations?state=expired",
    "invitations-unsent": "/people/invitations?state=unsent",
    "only-admin": "/people?role=employee",
    "company-local": "/activation",
    "cut-over-ahead": "/activation",
}
_OF_ONE = {
    "logout-failed": "/people/{}/told",
    "clients-failing": "/clients/{}",
    "secrets-ending": "/clients/{}",
}
"""Where it is about one thing that has a page."""


@bp.get("/admin/<number>")
def overview(number: str) -> Response:
    """What wants a decision, a few numbers, the latest changes; to helpers what is theirs."""
    admin = administrator(number, right=CONSOLE_RIGHTS)
    found = services().overview.of(
        admin.tenant_id, admin.membership.console_rights, is_admin=admin.is_admin
    )
    may_read_log = admin.may(READ_LOG)
    page = contexts.AdminOverview(
        frame=frame_of(admin),
        notice=done(),
        todo=tuple(_row(admin, item) for item in found.todo),
        numbers=found.numbers,
        rollout=rollout_view(found.progress) if found.progress else None,
        changes=latest_changes(admin) if may_read_log else (),
        log_url=f"{admin.base}/log" if may_read_log else "",
    )
    return show(admin, page)


def _row(admin: Administrator, item: ToDo) -> contexts.ToDoRow:
    where = _WHERE[item.code]
    if item.about and item.code in _OF_ONE:
        where = _OF_ONE[item.code].format(item.about)
    return contexts.ToDoRow(
        code=item.code, count=item.count, url=f"{admin.base}{where}", name=item.name, at=item.at
    )
