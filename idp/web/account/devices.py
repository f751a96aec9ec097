"""Where the person is signed in, and which browsers may skip the second factor (M5, S9)."""

from flask import Response, abort, request

from idp.core.user_agents import device_name
from idp.web import contexts, http
from idp.web.account.frame import bp, done, notice, show, where
from idp.web.admin.frame import me_of
from idp.web.guards import person_signed_in


@bp.get("/account/devices")
def devices() -> Response:
    """Sessions and remembered devices."""
    who = person_signed_in()
    everything, person = http.services(), who.person
    names = {m.tenant_id: m.tenant_name for m in person.memberships}
    page = contexts.AccountDevices(
        me=me_of(person),
        notice=notice(),
        sessions=tuple(
            contexts.SessionRow(
                sid=session.sid,
                device=device_name(session.user_agent),
                ip=session.ip,
                started_at=session.created_at,
                last_seen=session.last_seen,
                current=session.sid == who.session.sid,
                tenant_name=names.get(session.tenant_id or "", ""),
            )
            for session in everything.sessions.list(person.subject)
        ),
        devices=tuple(
            contexts.DeviceRow(
                id=row.id,
                device=device_name(row.user_agent),
                ip=row.ip,
                since=row.created_at,
                until=row.expires_at,
            )
            for row in everything.authn.own_factors.list_devices(person)
        ),
    )
    return show(who, page)


@bp.post("/account/devices")
def change_devices() -> Response:
    """Sign out one or all others; forget one or all."""
    http.check_form()
    who = person_signed_in()
    everything, person = http.services(), who.person
    ip = http.caller().ip
    match request.form.get("action"):
        case "end-session":
            session = everything.sessions.find(person.subject, request.form.get("sid", ""))
            if session is not None:
                everything.sign_out.one(session, ip=ip)
            return done("/account/devices", "session-ended")
        case "end-all-sessions":
            everything.sign_out.everywhere(person, keep=who.session.sid, ip=ip)
            return done("/account/devices", "all-sessions-ended")
        case "forget-device":
            device_id = request.form.get("device", "")
            everything.authn.own_factors.forget_device(person, device_id, where())
            return done("/account/devices", "device-forgotten")
        case "forget-devices":
            everything.authn.own_factors.forget_devices(person, where())
            return done("/account/devices", "devices-forgotten")
    return abort(400)
