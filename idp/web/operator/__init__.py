"""The operators' console: what is wrong, companies, requests, locked-out people, clients,
deliveries, keys, health.
"""

from flask import Blueprint

bp = Blueprint("operator", __name__)

from idp.web.operator import (  # noqa: E402, F401 - they add their routes
    cases,
    clients,
    companies,
    deliveries,
    health,
    imports,
    keys,
    log,
    overview,
    requests,
)
