"""One thing done to many people of a company, with an answer for each of them."""

from typing import Annotated, Literal

from msgspec import Meta

from idp.core.vocabulary import ManagementScope
from idp.people.members.bulk import BulkAction
from idp.people.members.listing import MAX_PAGE
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.web.api.access import check_fresh
from idp.web.api.refusals import note_not_found
from idp.web.api.resources.fields import STRICT, Id, Reason, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services


class BulkChange(Wire, **STRICT):
    """What to do to whom. `remind`: of the second factor that the policy demands."""

    action: BulkAction
    ids: Annotated[list[Id], Meta(min_length=1, max_length=MAX_PAGE)]
    reason: Reason = ""


class BulkAnswer(Wire):
    """What came of it for one id. `reason` is the code of why nothing was done."""

    id: str
    outcome: Literal["done", "refused", "unknown"]
    reason: str


class BulkAnswers(Wire):
    """One for each person, in the order of the ids."""

    items: list[BulkAnswer]


@operation(
    "POST",
    "/companies/{number}/people/bulk",
    scope=ManagementScope.PEOPLE_WRITE,
    right=MANAGE_PEOPLE,
)
def change_people(call: Call, body: BulkChange) -> BulkAnswers:
    """Lock, unlock or remind several people.

    Each is judged by the rules that hold for them alone, and one who is refused keeps nobody else
    from it. To unlock, a token of a person must come from a sign-in of the last five minutes.
    """
    if body.action == "unlock":  # a lock waits for nothing; giving access back does
        check_fresh(call.access)
    ids = list(dict.fromkeys(body.ids))
    rows = services().bulk.carry_out(
        call.at.tenant_id, call.access.actor, body.action, ids, body.reason
    )
    refusals = {row.member.membership_id: row.refused for row in rows}
    if refusals.keys() != set(ids):
        note_not_found(change_people.__name__, call.access, call.at.tenant_id)
    return BulkAnswers([_answer(one, refusals.get(one)) for one in ids])


def _answer(person_id: str, refused: str | None) -> BulkAnswer:
    if refused is None:
        return BulkAnswer(person_id, "unknown", "")
    return BulkAnswer(person_id, "refused" if refused else "done", refused)
