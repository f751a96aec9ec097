"""Counters of this process in Prometheus text format (R2). No label names a person or a client."""

import threading
from collections import Counter

_lock = threading.Lock()
_requests: Counter[tuple[str, str]] = Counter()


def count_request(endpoint: str | None, status: int) -> None:
    """One answered request; ``endpoint`` is the route's name, never the path that was asked for."""
    with _lock:
        _requests[endpoint or "unknown", f"{status // 100}xx"] += 1


def render_metrics() -> str:
    """The exposition."""
    with _lock:
        counted = sorted(_requests.items())
    lines = [
        "# HELP einlass_requests_total Requests answered by this process.",
        "# TYPE einlass_requests_total counter",
    ]
    lines += [
        f'einlass_requests_total{{endpoint="{endpoint}",status="{status}"}} {count}'
        for (endpoint, status), count in counted
    ]
    return "\n".join(lines) + "\n"
