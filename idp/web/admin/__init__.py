"""A company admin's console: people, security policy, client apps (T1, T2, M6, T12)."""

from flask import Blueprint, Response, abort

from idp.web import http
from idp.web.admin.frame import frame_of
from idp.web.guards import helps, note_not_found, person_signed_in

__all__ = ["bp", "frame_of"]

bp = Blueprint("admin", __name__)
bp.after_request(note_not_found)


@bp.get("/admin")
def home() -> Response:
    """On to the console of the company signed in for, or of the first one with an open one."""
    who = person_signed_in()
    administered = [m for m in who.person.memberships if helps(m)]
    if not administered:
        abort(403)
    current = [m for m in administered if m.tenant_id == who.session.tenant_id]
    return http.see_other(f"/admin/{(current or administered)[0].customer_number}")


from idp.web.admin import (  # noqa: E402, F401 - they add their routes
    activation,
    app_passwords,
    clients,
    company,
    imports,
    invite,
    log,
    overview,
    people,
    person,
    policy,
    requests,
    second_factor,
    told,
)
