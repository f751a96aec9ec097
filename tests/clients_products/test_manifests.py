from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from clients.accounting.words import GERMAN as ACCOUNTING
from clients.hr.words import GERMAN as HR
from clients.payroll.words import GERMAN as PAYROLL
from clients.shared.config import CLIENTS_FOLDER, PRODUCTS, BadConfig, ProductConfig, read_manifest
from clients.shared.messages import MESSAGES
from clients.shared.people import STAFF
from clients.shared.wording import METHODS, PERMISSIONS
from clients.shared.words import GERMAN
from idp.clients.metadata import check_metadata
from idp.core.vocabulary import ACR_MULTI
from idp.tenants import catalogue

WORDS = {"hr": HR, "payroll": PAYROLL, "accounting": ACCOUNTING}


def filled(name: str) -> dict[str, Any]:
    text = (CLIENTS_FOLDER / name / "manifest.json").read_text()
    metadata: dict[str, Any] = json.loads(text.replace("{base}", "http://localhost:8001"))
    return metadata


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_provider_takes_the_manifest(name: str) -> None:
    checked = check_metadata(filled(name), loopback_issuer=True)
    assert checked["require_pkce"]
    # A notice that names the person alone ends all of their sessions here.
    assert not checked["backchannel_logout_session_required"]
    assert checked["redirect_uris"] == ["http://localhost:8001/callback"]
    assert filled(name)["product"] == name


def test_payroll_alone_refreshes_and_steps_up() -> None:
    manifests = {name: read_manifest(name) for name in PRODUCTS}
    assert [n for n, m in manifests.items() if "offline_access" in m.scope] == ["payroll"]
    assert [n for n, m in manifests.items() if m.step_up] == ["payroll"]
    rule = manifests["payroll"].step_up
    assert rule is not None
    assert (rule.acr, rule.max_age) == (ACR_MULTI, 300)


def test_permissions_are_those_of_the_catalogue() -> None:
    assert {
        one.key: one.label for one in catalogue.PERMISSIONS if one.product in catalogue.PRODUCT_KEYS
    } == PERMISSIONS


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_text_has_its_german(name: str) -> None:
    known = {**GERMAN, **WORDS[name]}
    said = set(METHODS.values()) | {"Two factors", "One factor"}
    said |= {label for key, label in PERMISSIONS.items() if key.startswith(f"{name}.")}
    for message in MESSAGES.values():
        said |= {message.title, message.text, message.label} - {""}
    for folder in ("shared", name):
        for template in (CLIENTS_FOLDER / folder / "templates").rglob("*.html"):
            said |= set(re.findall(r"""\bt\((?:"([^"]+)")""", template.read_text()))
            said |= set(re.findall(r"""\bt\('([^']+)'""", template.read_text()))
    said |= shown_records(CLIENTS_FOLDER / name / "records.py", known)
    for employees in STAFF.values():
        if name != "accounting":
            said |= {one.position for one in employees} | {one.department for one in employees}
    assert said - known.keys() == set()


def shown_records(path: Path, known: dict[str, str]) -> set[str]:
    """Texts of records that are message ids: whatever of them looks like English words."""
    names = {"hr": {"Leave", "Sick", "Training", "Parental leave", "Business trip", "Approved"}}
    strings = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return strings & (known.keys() | names.get(path.parent.name, set()))


def test_config_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="idp demo"):
        ProductConfig.from_file(tmp_path / "none.json")
    for text in ("", "[]", "{}", '{"issuer": "x"}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(BadConfig, match=r"bad\.json"):
            ProductConfig.from_file(tmp_path / "bad.json")
