"""Makes the application's route table once a run instead of once a test.

Werkzeug compiles a function for each rule of each application, which is most of what making one
takes. Rules that read the same get the same function.
"""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

_compile = Rule._compile_builder
_made: dict[Any, Callable[..., Any]] = {}


def _compile_once(self: Rule, append_unknown: bool = True) -> Callable[..., Any]:
    if self.defaults:
        return _compile(self, append_unknown)
    key = tuple(self._trace), self.rule, append_unknown
    if key not in _made:
        _made[key] = _compile(self, append_unknown)
    return _made[key]


def install() -> None:
    """For every application made from now on in this process."""
    Rule._compile_builder = _compile_once  # type: ignore[method-assign]
