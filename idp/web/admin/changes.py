"""The latest lines of the company's change log, for pages that show a few of them (T6)."""

from flask import abort

from idp.people.actors import Actor, NotAllowed
from idp.people.log.change_log import LogFilter, LogRow
from idp.web.guards import Administrator
from idp.web.http import services

LATEST = 10


def latest_changes(admin: Administrator, *, subject: str = "") -> tuple[LogRow, ...]:
    """The last ten of the company, or of what concerns one person, the newest first."""
    wanted, actor = LogFilter(person=subject), Actor.person(admin.who.person)
    try:
        page = services().change_log.page(admin.tenant_id, actor, wanted)
    except NotAllowed:
        abort(404)
    return tuple(page.rows[:LATEST])
