"""The choice of HTTP server: the floor app on each of them (``python -m bench.http_servers``)."""

import statistics
import sys

from bench.client import Connection, drive
from bench.measure import Meter
from bench.operations import floor_operations
from bench.servers import Floor

CANDIDATES = {
    "granian, 1 thread": ["granian", "1"],
    "granian, 4 threads": ["granian", "4"],
    "granian, 16 threads": ["granian", "16"],
    "granian, 4 threads, mt runtime": ["granian", "4", "--runtime-mode", "mt"],
    "gunicorn sync": ["gunicorn", "sync", "1"],
    "gunicorn gthread, 4 threads": ["gunicorn", "gthread", "4"],
    "gunicorn gthread, 16 threads": ["gunicorn", "gthread", "16"],
}
OPERATIONS = {"sso": 600, "introspect": 2000, "jwks": 2000}
ROUNDS = 3


def main() -> None:
    """Print CPU milliseconds, throughput and p99 of each candidate."""
    servers = {name: Floor(*command) for name, command in CANDIDATES.items()}
    costs: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    try:
        for server in servers.values():
            server.start()
        for _ in range(ROUNDS):
            for name, server in servers.items():
                meter = Meter([server.pid])
                for operation, count in OPERATIONS.items():
                    workers = [
                        floor_operations(Connection(server.port, "127.0.0.1"))[operation]
                        for _ in range(8)
                    ]
                    drive(workers, 80)
                    before = meter.read()
                    run = drive(workers, count)
                    spent = (meter.read() - before).server / count
                    costs.setdefault((name, operation), []).append(
                        (spent, run.per_second, run.percentile(99))
                    )
        rss = {name: sum(Meter([s.pid]).memory().values()) for name, s in servers.items()}
    finally:
        for server in servers.values():
            server.stop()
    print("| server | " + " | ".join(f"{o}: ms | /s | p99 ms" for o in OPERATIONS) + " | MiB |")
    print("| --- |" + " --: | --: | --: |" * len(OPERATIONS) + " --: |")
    for name in CANDIDATES:
        cells = []
        for operation in OPERATIONS:
            found = costs[name, operation]
            cpu, speed, p99 = (statistics.median(column) for column in zip(*found, strict=True))
            cells.append(f"{cpu:.2f} | {speed:.0f} | {p99:.1f}")
        print(f"| {name} | " + " | ".join(cells) + f" | {rss[name]:.0f} |")


if __name__ == "__main__":
    sys.exit(main())
