"""What somebody from outside is refused, in the log of the company whose door it was.

Whoever is outside can knock as often as they like; a line for each would let them fill another
company's log, and bury in it what matters. So of the same knocks of the same caller within an hour
the first is a line, the tenth, the hundredth, and so on, and each says for how many it stands.
"""

from typing import Any

from idp.infra.audit import PLATFORM, Audit
from idp.infra.database import transaction
from idp.infra.throttle import Limit, Throttle

_HOUR = 3600


def note_refusal(
    audit: Audit,
    throttle: Throttle,
    event: str,
    *,
    category: str,
    tenant_id: str | None,
    actor: str,
    detail: dict[str, Any] | None = None,
    **record: str | None,
) -> None:
    """Write the line, if there is to be one; the same are those of one event, company, actor and
    detail. Raises as the database and Redis do; then the next refusal is the first again.
    """
    said = detail or {}
    rule = Limit(f"refused:{event}", 1, _HOUR)
    parts = (tenant_id or PLATFORM, actor, *sorted(f"{k}={v}" for k, v in said.items()))
    tries = throttle.to_tell(rule, *parts)
    if not tries:
        return
    if tries > 1:
        said = {**said, "tries": tries}
    try:
        with transaction():
            audit.record(
                event,
                category=category,
                tenant_id=tenant_id,
                actor=actor,
                outcome="failure",
                detail=said,
                **record,
            )
    except BaseException:
        throttle.clear(rule, *parts)
        raise
