"""Application passwords of one's own: the list, a new one shown once, the end of one (P1)."""

from flask import Response, abort, request

from idp.people.app_passwords import LIFETIMES, AppPasswordRefused, OwnAppPassword
from idp.tenants.catalogue import product_name
from idp.web import contexts, http
from idp.web.account.frame import bp, done, notice, show, where
from idp.web.admin.frame import me_of
from idp.web.guards import person_signed_in
from idp.web.signed_in import SignedIn
from idp.web.typed import typed_form

_HERE = "/account/app-passwords"


@bp.get(_HERE)
def app_passwords() -> Response:
    """Everything the person has made and not deleted."""
    who = person_signed_in()
    mine, person = http.services().app_passwords, who.person
    active = [m for m in person.memberships if m.status == "active"]
    page = contexts.AccountAppPasswords(
        me=me_of(person),
        notice=notice(),
        rows=tuple(_row(one) for one in mine.list(person)),
        possible=bool(mine.targets(person)),
        forbidden_by=tuple(m.tenant_name for m in active if not m.app_passwords),
        several_companies=len(active) > 1,
    )
    return show(who, page)


@bp.post(_HERE)
def change_app_passwords() -> Response:
    """End one: that only takes trust back, so no fresh sign-in is asked for."""
    http.check_form()
    who = person_signed_in()
    if request.form.get("action") != "delete":
        abort(400)
    wanted = request.form.get("id", "")[:32]
    if not http.services().app_passwords.delete(who.person, wanted, where()):
        abort(404)
    return done(_HERE, "app-password-deleted")


@bp.get(f"{_HERE}/new")
def new_app_password() -> Response:
    """What it is for."""
    return _form(person_signed_in(fresh=True))


@bp.post(f"{_HERE}/new")
def create_app_password() -> Response:
    """Make it and show it, this one time."""
    http.check_form()
    who = person_signed_in(fresh=True)
    target, comment = request.form.get("target", ""), request.form.get("comment", "")
    days = request.form.get("days", "").strip()
    counted = int(days) if days.isascii() and days.isdigit() and len(days) < 6 else None
    try:
        if days and counted is None:
            raise AppPasswordRefused("days", "app-password-days-invalid")
        made, password = http.services().app_passwords.create(
            who.person, target, comment, counted, where()
        )
    except AppPasswordRefused as error:
        return _form(who, error)
    page = contexts.AccountAppPasswordMade(
        me=me_of(who.person),
        password=password,
        product=product_name(made.product),
        tenant_name=made.tenant_name,
        comment=" ".join(comment.split()),
    )
    return show(who, page)


def _form(who: SignedIn, error: AppPasswordRefused | None = None) -> Response:
    form = typed_form()
    target, days = form.get("target", ""), form.get("days", "").strip()
    targets = http.services().app_passwords.targets(who.person)
    several = len({one.tenant_id for one in targets}) > 1
    page = contexts.AccountAppPasswordNew(
        me=me_of(who.person),
        notice=notice(),
        errors={error.field: error.code} if error else {},
        targets=tuple(
            contexts.AppPasswordTarget(
                key=one.key,
                product=product_name(one.product),
                tenant_name=one.tenant_name if several else "",
                max_days=one.max_days,
            )
            for one in targets
        ),
        target=target if any(one.key == target for one in targets) else "",
        comment=form.get("comment", "")[:400],
        days=days if days in map(str, LIFETIMES) else "",
        lifetimes=LIFETIMES,
    )
    return show(who, page, status=400 if error else None)


def _row(one: OwnAppPassword) -> contexts.AppPasswordRow:
    return contexts.AppPasswordRow(
        id=one.id,
        product=product_name(one.product) or one.product,
        tenant_name=one.tenant_name,
        comment=one.comment,
        state=one.state,
        created_at=one.created_at,
        ends_at=one.ends_at,
        last_used_at=one.last_used_at,
        last_used_ip=one.last_used_ip,
    )
