"""What every page under /account shares: the blueprint, how it is shown, from where it is asked."""

from flask import Blueprint, Response, request

from idp.authn.factors.news import Where
from idp.web import contexts, http
from idp.web.signed_in import SignedIn

bp = Blueprint("account", __name__)


def show(who: SignedIn, page: contexts.AccountPage, *, status: int | None = None) -> Response:
    """A page in the person's language and time zone."""
    return http.page(page, status=status, person=who.person)


def done(path: str, notice: str) -> Response:
    """Back to a page that says quietly what was done."""
    return http.see_other(f"{path}?done={notice}")


def notice() -> str:
    """The notice of what was just carried out; none for a form shown again."""
    return request.args.get("done", "") if request.method == "GET" else ""


def where() -> Where:
    """From where a change is made, for audit and mail."""
    caller = http.caller()
    return Where(caller.ip, caller.user_agent)


def minutes(seconds: int) -> int:
    """Seconds to wait, as a page says them."""
    return max(1, -(-seconds // 60))
