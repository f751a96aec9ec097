"""Whatever the consoles change, the management API and the command line change too (R4).

The consoles' side is derived: the routes that take forms, and out of their views' source the values
of ``action`` that each of them understands. What a program cannot do is a person's act alone, for a
reason that stands here.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import click

from idp.cli import main
from idp.web import importing
from idp.web.api import OPERATIONS
from tests.web.conftest import Front

COMMON = ("idp.web.contexts", "idp.web.http", "idp.web.security", "idp.web.render")
"""Of no view in particular."""


@dataclass(frozen=True)
class Same:
    """The operations and the commands that do the same; ``why`` there is none on a side."""

    api: str = ""
    cli: str = ""
    why: str = ""


SHOWN = Same(why="shows what was typed, and changes nothing")
PERSONAL = "the word of two people, each signed in with two factors; a program has none"
SIGN_IN = "a sign-in of one's own, walked through in the browser; its request is judged by the API"

IMPORT = {
    "options": Same("set_import_options", "import options"),
    "apply": Same("apply_import", "import apply, import resume"),
    "pause": Same("pause_import", "import pause"),
    "undo": Same("undo_import", "import undo"),
    "discard": Same("discard_import", "import discard"),
    "merge": Same("decide_collisions", "import decide"),
    "skip": Same("decide_collisions", "import decide"),
}
INVITATION = {
    "resend": Same("resend_invitation", "invitation resend"),
    "revoke": Same("revoke_invitation", "invitation revoke"),
}


def client(mark: str) -> dict[str, dict[str, Same]]:
    """The same pages, once for a company's clients and once for all of them."""
    of, where = ("any_", "operator") if mark else ("", "admin")
    return {
        f"{where}.register_client": {
            "": Same("register_platform_client" if mark else "register_client", "client register")
        },
        f"{where}.save_client": {"": Same(f"change_{mark}client", "client set")},
        f"{where}.check_client": {"": SHOWN},
        f"{where}.change_client": {
            "rotate-secret": Same(f"rotate_{of}secret", "client rotate-secret"),
            "end-secret": Same(f"end_{of}secret", "client end-secret"),
            "disable": Same(f"enable_{mark}client", "client disable"),
            "enable": Same(f"enable_{mark}client", "client enable"),
            "delete": Same(f"delete_{mark}client", "client delete"),
        },
        f"{where}.run_client_test": {
            "": Same(f"check_{of}request", "client check-request"),
            "run": Same(why=SIGN_IN),
        },
    }


PARITY: dict[str, dict[str, Same]] = {
    "admin.selected_people": {
        "lock": Same("change_people", "person bulk"),
        "unlock": Same("change_people", "person bulk"),
        "remind": Same("change_people", "person bulk"),
        "export": Same("export_people", "person export"),
    },
    "admin.change_invitation": INVITATION,
    "admin.change_open_invitation": INVITATION,
    "admin.invite": {"": Same("invite", "person invite")},
    "admin.change_person": {
        "role": Same("change_person", "person role"),
        "permissions": Same("change_person", "person permissions"),
        "products": Same("change_person", "person products"),
        "admit": Same("admit_person", "person admit"),
        "send-away": Same("send_person_away", "person send-away"),
        "lock": Same("lock_person", "person lock"),
        "unlock": Same("unlock_person", "person unlock"),
        "reset-factors": Same("reset_factors", "person reset-factors"),
        "remove": Same("remove_person, remove_person_for", "person remove"),
    },
    "admin.tell_again": {"tell-again": Same("tell_again", "person tell-again")},
    "admin.change_second_factor": {
        "remind": Same("remind_people, change_people", "person remind"),
        "bypass": Same("grant_bypass", "person bypass"),
        "revoke-bypass": Same("revoke_bypass", "person revoke-bypass"),
    },
    "admin.decide_request": {
        "consent": Same("consent_admin_request", why=PERSONAL),
        "refuse": Same(
            "refuse_admin_request", "request refuse", "operators refuse from the command line"
        ),
    },
    "admin.change_policy": {
        "": Same("forecast_policy", "policy set"),
        "save": Same("set_policy", "policy set"),
        "edit": SHOWN,
        "find": SHOWN,
    },
    "admin.send_reminders": {"": Same("remind_people", "policy remind")},
    "admin.change_activation": {
        "": Same("activate", "activation activate"),
        "postpone": Same("postpone_cutover", "activation postpone"),
    },
    "admin.remind_moving": {"": Same("remind_moving_people", "activation remind")},
    "admin.change_company": {
        "": Same("change_company, set_logo", "tenant set"),
        "preview": SHOWN,
        "remove-logo": Same("remove_logo", "tenant set"),
    },
    "admin.change_app_passwords": {
        "save": Same("set_application_password_rule", "app-password policy"),
        "revoke": Same("revoke_application_password", "app-password revoke"),
    },
    "admin.export_log": {"": Same("export_log", "audit export")},
    "admin.change_log_retention": {"save": Same("set_retention", "audit retention")},
    "admin.upload_import": {"": Same("upload_import", "import start")},
    "admin.change_import": IMPORT,
    "operator.found_company": {"": Same("found_company", "tenant create, person invite")},
    "operator.change_company": {
        "rename": Same("change_company", "tenant set"),
        "products": Same("forecast_booking", "tenant forecast"),
        "book": Same("book_products", "tenant set"),
        "invite": Same("invite", "person invite"),
        **INVITATION,
    },
    "operator.change_deliveries": {
        "retry": Same("retry_delivery, retry_deliveries", "delivery retry"),
        "drop": Same("drop_delivery, drop_deliveries", "delivery drop"),
    },
    "operator.rotate_keys": {"": Same("rotate_keys", "keys rotate")},
    "operator.retire_key": {"": Same("retire_key", "keys retire")},
    "operator.verify_log": {"": Same("verify_log", "audit verify")},
    "operator.export_platform_log": {"": Same("export_platform_log", "audit export")},
    "operator.export_company_log": {"": Same("export_log", "audit export")},
    "operator.upload_import": {"": Same("upload_import", "import start")},
    "operator.change_import": IMPORT,
    "operator.change_legacy_login": {
        "": Same("set_legacy_login", "import hook set"),
        "remove": Same("remove_legacy_login", "import hook remove"),
    },
    "operator.decide": {
        "approve": Same("approve_recovery_case", why=PERSONAL),
        "refuse": Same("refuse_recovery_case", why=PERSONAL),
    },
    "operator.decide_request": {
        "approve": Same("approve_admin_request", "request approve"),
        "refuse": Same("refuse_any_admin_request", "request refuse"),
    },
    **client(""),
    **client("any_"),
}
"""Route → action (empty: the form has none) → what does the same."""

BEYOND = {
    "lock_account": "account lock",
    "unlock_account": "account unlock",
    "reset_account_factors": "account reset-factors",
}
"""What programs of operators do, and no console: operation → command."""

READING = {
    "show_token": "",  # about the request's own token
    "show_catalogue": "catalogue",
    "list_companies": "tenant list",
    "show_company": "tenant show",
    "list_people": "person list",
    "export_people": "person export",
    "show_person": "person show",
    "list_told": "person show",
    "list_invitations": "invitation list",
    "list_admin_requests": "request list",
    "list_all_admin_requests": "request list",
    "show_policy": "policy show",
    "show_progress": "policy progress",
    "list_clients": "client list",
    "show_client": "client show",
    "list_failed_flows": "client failed-flows",
    "list_all_clients": "client list",
    "show_any_client": "client show",
    "list_any_failed_flows": "client failed-flows",
    "list_secrets": "client secrets",
    "list_any_secrets": "client secrets",
    "list_application_passwords": "app-password list",
    "show_application_password_rule": "app-password policy",
    "list_log": "audit list",
    "export_log": "audit export",
    "show_retention": "audit retention",
    "list_platform_log": "audit list",
    "export_platform_log": "audit export",
    "list_imports": "import list",
    "show_import": "import status",
    "list_import_lines": "import problems",
    "show_activation": "activation show",
    "show_prospect": "activation prospect",
    "show_roll_out": "activation show",
    "list_moving_people": "activation people",
    "find_account": "account show",
    "show_account": "account show",
    "list_keys": "keys list",
    "list_deliveries": "delivery list",
    "list_recovery_cases": "case list",
    "show_recovery_case": "case show",
    "list_legacy_logins": "import hook list",
    "list_log_verifications": "audit verify",
}
"""Operation that reads → command."""


def names(text: str) -> set[str]:
    return {name for name in text.split(", ") if name}


def rows() -> Iterator[tuple[str, str, Same]]:
    for endpoint, actions in PARITY.items():
        for action, same in actions.items():
            yield endpoint, action, same


def consoles(front: Front) -> dict[str, Callable[..., Any]]:
    """Every view of the consoles that takes a form."""
    return {
        rule.endpoint: front.app.view_functions[rule.endpoint]
        for rule in front.app.url_map.iter_rules()
        if rule.endpoint.startswith(("admin.", "operator.")) and "POST" in (rule.methods or ())
    }


def actions_of(view: Callable[..., Any]) -> set[str]:
    """What a view, and what it calls of ours, compares the form's ``action`` with."""
    found: set[str] = set()
    seen: set[Any] = set()
    waiting = [view]
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        space = vars(sys.modules[function.__module__])
        for node in ast.walk(source_of(function)):
            if isinstance(node, ast.Match) and is_action(node.subject):
                found |= {text for case in node.cases for text in strings(case.pattern, space)}
            elif isinstance(node, ast.Compare) and is_action(node.left):
                found |= {text for one in node.comparators for text in strings(one, space)}
            elif isinstance(node, ast.Call):
                called = ours(node.func, space)
                waiting += [called] if called is not None else []
    return found - {""}


@cache
def source_of(function: Callable[..., Any]) -> ast.AST:
    """The function's own part of its module."""
    code = inspect.unwrap(function).__code__
    return functions_of(code.co_filename)[code.co_firstlineno]


@cache
def functions_of(path: str) -> dict[int, ast.AST]:
    """By the line on which each begins, its decorators with it."""
    return {
        min([node.lineno, *(one.lineno for one in node.decorator_list)]): node
        for node in ast.walk(ast.parse(Path(path).read_text()))
        if isinstance(node, ast.FunctionDef)
    }


def is_action(node: ast.AST) -> bool:
    """``action``, ``form.get("action")`` and the like."""
    if isinstance(node, ast.Name):
        return node.id == "action"
    if isinstance(node, ast.Call) and node.args:
        return isinstance(node.args[0], ast.Constant) and node.args[0].value == "action"
    return False


def strings(node: ast.AST, space: dict[str, Any]) -> set[str]:
    """Written there, or in the constant of the module that is named there."""
    found = {
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
    for one in ast.walk(node):
        value = space.get(one.id) if isinstance(one, ast.Name) else None
        if isinstance(value, tuple | dict | set | frozenset):
            found |= {text for text in value if isinstance(text, str)}
    return found


def ours(node: ast.AST, space: dict[str, Any]) -> Callable[..., Any] | None:
    """The function of the consoles that is called, if it is one."""
    called = None
    if isinstance(node, ast.Name):
        called = space.get(node.id)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        module = space.get(node.value.id)
        called = getattr(module, node.attr, None) if isinstance(module, ModuleType) else None
    module_name = getattr(called, "__module__", "")
    if not isinstance(called, FunctionType) or not module_name.startswith("idp.web."):
        return None
    return None if module_name.startswith(COMMON) else called


def commands() -> set[str]:
    """Every command, as it is typed."""

    def below(group: click.Command, path: str) -> Iterator[str]:
        if not isinstance(group, click.Group):
            yield path
            return
        context = click.Context(group)
        for name in group.list_commands(context):
            inner = group.get_command(context, name)
            assert inner is not None
            yield from below(inner, f"{path} {name}".strip())

    return set(below(main, ""))


def test_every_action_of_a_console_is_in_the_table(front: Front) -> None:
    views = consoles(front)
    assert views.keys() == PARITY.keys()
    for endpoint, view in views.items():
        derived = actions_of(view)
        assert derived == PARITY[endpoint].keys() - {""}, endpoint
        assert derived or "" in PARITY[endpoint], endpoint


def test_what_the_table_names_exists() -> None:
    operations, known = {o.name for o in OPERATIONS}, commands()
    for endpoint, action, same in rows():
        where = f"{endpoint} {action}"
        assert names(same.api) <= operations, where
        assert names(same.cli) <= known, where
        assert same.why or (same.api and same.cli), where
    assert {*BEYOND.values(), *READING.values()} - {""} <= known


def test_every_operation_has_its_command() -> None:
    named = {name for _, _, same in rows() for name in names(same.api)} | BEYOND.keys()
    changing = {o.name for o in OPERATIONS if o.method != "GET"}
    assert changing - named == set()
    assert BEYOND.keys() <= changing
    assert {o.name for o in OPERATIONS if o.method == "GET"} == READING.keys()


def test_an_action_that_nobody_has_entered_would_be_found() -> None:
    """The derivation itself: a comparison, a case, a constant, and what is called."""

    def view(action: str) -> None:
        match action:
            case "sell" | "lend":
                importing.change(None, "")  # type: ignore[arg-type]
        if action == "give" or action in BEYOND:
            pass

    assert actions_of(view) == {"sell", "lend", "give", *BEYOND, *IMPORT}
