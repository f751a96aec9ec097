"""Everything that is wrong with client metadata at once, for a form that shows it field by field.

``check_metadata`` stays the only judge: it is asked again without what it has just refused, until
it finds nothing more.
"""

from collections.abc import Mapping
from typing import Any

from idp.clients.metadata import InvalidMetadata, check_metadata

_MOST = 60
_ENOUGH: Mapping[str, Mapping[str, Any]] = {
    "jwks": {"token_endpoint_auth_method": "client_secret_basic"},
    "redirect_uris": {"redirect_uris": ["https://enough.invalid/"]},
}
"""What stands in for a member that is needed and was refused, so that the rest can be judged."""


def find_problems(
    metadata: Mapping[str, Any], loopback_issuer: bool, *, allow_management: bool = False
) -> list[InvalidMetadata]:
    """All refusals, in the order of the checks; ``entry`` counts as in the metadata given."""
    left = dict(metadata)
    places: dict[str, list[int]] = {}
    found: list[InvalidMetadata] = []
    helped: set[str] = set()
    while len(found) < _MOST:
        try:
            check_metadata(left, loopback_issuer, allow_management=allow_management)
            break
        except InvalidMetadata as refused:
            member = refused.member
            again = any(known.member == member for known in found)
            if refused.entry is not None or not again:
                found.append(_take_out(refused, left, places))
            if refused.entry is not None:
                continue
            if member in left and not again and member not in helped:
                left.pop(member)
            elif member in _ENOUGH and member not in helped:
                left.update(_ENOUGH[member])
                helped.add(member)
            else:
                break
    return found


def _take_out(
    refused: InvalidMetadata, left: dict[str, Any], places: dict[str, list[int]]
) -> InvalidMetadata:
    """Leave the refused entry out of its list; the refusal, with the entry's place at first."""
    if refused.entry is None:
        return refused
    entries = list(dict.fromkeys(left[refused.member]))
    # Repeats count once with the judge, so a place is that of the first of its kind.
    known = places.setdefault(
        refused.member, [left[refused.member].index(entry) + 1 for entry in entries]
    )
    place = known.pop(refused.entry - 1)
    entries.pop(refused.entry - 1)
    left[refused.member] = entries
    return InvalidMetadata(
        refused.code,
        refused.description,
        member=refused.member,
        entry=place,
        problem=refused.problem,
    )
