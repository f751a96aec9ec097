"""The operators' console: for now the people who are locked out (M10)."""

from flask import Blueprint

bp = Blueprint("operator", __name__)

from idp.web.operator import cases  # noqa: E402, F401 - it adds its routes
