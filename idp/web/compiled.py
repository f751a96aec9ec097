"""Each template compiled once in a process, whatever the language it is drawn in.

Jinja compiles for an environment, and every language has one of its own; what comes out is the
same, since sentences are looked up when a page is drawn.
"""

from types import CodeType

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket


class CompiledTemplates(BytecodeCache):
    """Keeps compiled templates by name and content; safe to share between threads.

    Only environments that differ in nothing but their globals and filters may share one.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the code, if this very text was compiled before."""
        bucket.code = self._made.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        if bucket.code is not None:
            self._made[bucket.key, bucket.checksum] = bucket.code
