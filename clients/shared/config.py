"""What a product is told at its start: its registration and its own manifest.

``idp demo`` registers each product from ``clients/<name>/manifest.json`` (client metadata by its
RFC 7591 names) and leaves the result in a JSON file, whose path stands in ``PRODUCT_CONFIG``.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRODUCTS = ("hr", "payroll", "accounting")
CLIENTS_FOLDER = Path(__file__).resolve().parents[1]
DISCOVERY_PATH = "/.well-known/openid-configuration"


class BadConfig(Exception):
    """The product cannot start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ProductConfig:
    """One product's registration at one provider."""

    issuer: str
    client_id: str
    client_secret: str
    base_url: str
    port: int
    data_dir: Path

    @property
    def metadata_url(self) -> str:
        return self.issuer.rstrip("/") + DISCOVERY_PATH

    @classmethod
    def from_file(cls, path: Path) -> "ProductConfig":
        """Read what ``idp demo`` wrote; refuse it whole when a key is missing."""
        try:
            values = json.loads(path.read_text())
            return cls(
                issuer=str(values["issuer"]),
                client_id=str(values["client_id"]),
                client_secret=str(values["client_secret"]),
                base_url=str(values["base_url"]).rstrip("/"),
                port=int(values["port"]),
                data_dir=Path(values["data_dir"]),
            )
        except OSError as error:
            raise BadConfig(f"{path}: {error.strerror}; run `idp demo` first") from error
        except (KeyError, TypeError, ValueError) as error:
            raise BadConfig(f"{path}: not a product configuration ({error})") from error

    @classmethod
    def from_environment(cls) -> "ProductConfig":
        """The file named by ``PRODUCT_CONFIG``."""
        path = os.environ.get("PRODUCT_CONFIG")
        if not path:
            raise BadConfig("PRODUCT_CONFIG must name the file that `idp demo` wrote")
        return cls.from_file(Path(path))


@dataclass(frozen=True, slots=True)
class StepUp:
    """How strongly, and how recently, a person must have signed in for what is guarded.

    With ``prompt`` "login" the sign-in must have been made for it: one at the door, however
    recent, does not count.
    """

    acr: str
    max_age: int
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """``manifest.json``: what the product asks the provider for."""

    scope: str
    id_token_alg: str
    step_up: StepUp | None


def read_manifest(name: str) -> Manifest:
    """The manifest of one product; scope and step-up rule stand nowhere else."""
    values: dict[str, Any] = json.loads((CLIENTS_FOLDER / name / "manifest.json").read_text())
    rule = values.get("step_up")
    return Manifest(
        scope=values["scope"],
        id_token_alg=values["id_token_signed_response_alg"],
        step_up=StepUp(rule["acr_values"], rule["max_age"], rule.get("prompt")) if rule else None,
    )
