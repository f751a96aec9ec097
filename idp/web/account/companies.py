"""Companies the person belongs to: write to the admins of one (T9), join another (S4)."""

from flask import Response, abort, request

from idp.authn.ports import JoinRefused
from idp.core.person import PersonMembership
from idp.people.members.letters import LetterRefused
from idp.web import contexts, http
from idp.web.account.frame import bp, done, minutes, show
from idp.web.admin.frame import me_of
from idp.web.guards import person_signed_in
from idp.web.signed_in import SignedIn
from idp.web.typed import typed_form


@bp.get("/account/companies/<number>/write")
def write(number: str) -> Response:
    """A letter to the company's admins."""
    who = person_signed_in()
    return _write_page(who, _membership(who, number))


@bp.post("/account/companies/<number>/write")
def send_letter(number: str) -> Response:
    """Send it."""
    http.check_form()
    who = person_signed_in()
    membership = _membership(who, number)
    text = request.form.get("text", "")
    try:
        http.services().letters.send(who.person, membership, text, ip=http.caller().ip)
    except LetterRefused as error:
        return _write_page(who, membership, error)
    return done("/account", "letter-sent")


@bp.get("/account/join")
def join() -> Response:
    """Which company."""
    return _join_page(person_signed_in())


@bp.post("/account/join")
def join_company() -> Response:
    """Join it, or wait for its admin."""
    http.check_form()
    who = person_signed_in()
    number = request.form.get("customer_number", "")
    everything = http.services()
    try:
        tenant_id = everything.joining.join(who.person.account_id, number, ip=http.caller().ip)
    except JoinRefused as error:
        return _join_page(who, error)
    person = everything.persons.load(who.person.subject)
    membership = person.membership_of(tenant_id) if person else None
    waits = membership is not None and membership.status == "waiting"
    return done("/account", "company-waits" if waits else "company-joined")


def _membership(who: SignedIn, number: str) -> PersonMembership:
    found = http.services().letters.find_membership(who.person, number)
    return found or abort(404)


def _write_page(
    who: SignedIn,
    membership: PersonMembership,
    error: LetterRefused | None = None,
) -> Response:
    whole = error is not None and error.code in ("too-many-letters", "no-admin")
    page = contexts.AccountWrite(
        me=me_of(who.person),
        errors={"" if whole else "text": error.code} if error else {},
        tenant_name=membership.tenant_name,
        text=typed_form().get("text", ""),
        readable=http.services().letters.has_reader(who.person, membership),
    )
    return show(who, page, status=400 if error else None)


def _join_page(who: SignedIn, error: JoinRefused | None = None) -> Response:
    throttled = error is not None and error.code == "throttled"
    page = contexts.AccountJoin(
        me=me_of(who.person),
        errors={"" if throttled else "customer_number": error.code} if error else {},
        error_values={"minutes": minutes(error.retry_after)} if error else {},
        customer_number=typed_form().get("customer_number", "0")[:40],
    )
    return show(who, page, status=400 if error else None)
