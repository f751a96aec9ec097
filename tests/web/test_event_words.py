"""Every event that is recorded anywhere has words, and what it is filed under has a name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import idp
from idp.web.event_words import CATEGORIES, COMPANY, HISTORY

EVENT = re.compile(r"[a-z_]+\.[a-z_]*[a-z]")
MADE_OF_PARTS = {
    "mfa.self_enabled",
    "mfa.self_disabled",
    "operator.granted",
    "operator.revoked",
}


def recorded() -> Iterator[tuple[str, str]]:
    """What calls of ``record`` and its kin name: ("event" or "category", the text)."""
    for file in Path(idp.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            for argument in node.keywords:
                kind = argument.arg or ""
                if kind == "event" or (kind == "category" and name.endswith("record")):
                    for text in _texts(argument.value):
                        yield kind, text
            if name.lstrip("_").startswith("record") and node.args:
                for text in _texts(node.args[0]):
                    yield "event", text


def _texts(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body)
        yield from _texts(value.orelse)


def test_every_event_has_words() -> None:
    events = {text for kind, text in recorded() if kind == "event" and EVENT.fullmatch(text)}
    assert len(events) > 50
    assert (events | MADE_OF_PARTS) - HISTORY.keys() - COMPANY.keys() == set()
    assert not HISTORY.keys() & COMPANY.keys()


def test_every_category_has_a_name() -> None:
    categories = {text for kind, text in recorded() if kind == "category"}
    assert len(categories) > 8
    assert categories - CATEGORIES.keys() == set()
