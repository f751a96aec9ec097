"""Children that end with their parent, so that ``kill -9`` of ``idp serve`` leaves no orphan."""

import os
import signal
import threading


def stop_with_parent(interval: float = 0.5) -> None:
    """End this process with SIGTERM soon after its parent is gone.

    A thread compares the parent's id every ``interval`` seconds; that works on every Unix, unlike
    Linux's parent-death signal, which also fires when only the parent's *thread* ends.
    """
    parent = os.getppid()

    def watch() -> None:
        waiting = threading.Event()
        while not waiting.wait(interval):
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                if waiting.wait(10):
                    return
                os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
