"""Everything that is wrong with client metadata at once, for a form that shows it field by field.

``check_metadata`` stays the only judge: it is asked again without what it has just refused, until
it finds nothing more.
"""

from collections.abc import Mapping
from typing import Any

from idp.clients.metadata import InvalidMetadata, check_metadata

_MOST = 60


def find_problems(
    metadata: Mapping[str, Any], loopback_issuer: bool, *, allow_management: bool = False
) -> list[InvalidMetadata]:
    """All refusals, in the order of the checks; ``entry`` counts as in the metadata given."""
    left = dict(metadata)
    places: dict[str, list[int]] = {}
    found: list[InvalidMetadata] = []
    while len(found) < _MOST:
        try:
            check_metadata(left, loopback_issuer, allow_management=allow_management)
        except InvalidMetadata as refused:
            if refused.member in {known.member for known in found} and refused.entry is None:
                break  # nothing but what follows from what was taken out
            found.append(_take_out(refused, left, places))
            if not refused.member or (refused.entry is None and refused.member not in left):
                break
            if refused.entry is None:
                left.pop(refused.member)
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
