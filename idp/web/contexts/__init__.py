"""One frozen value per page; see ``base`` for what all have in common.

Views and the renderer name them all through here; which file holds one is nobody else's concern.
"""

from idp.web.contexts.account import *
from idp.web.contexts.activation import *
from idp.web.contexts.admin import *
from idp.web.contexts.base import *
from idp.web.contexts.clients import *
from idp.web.contexts.company import *
from idp.web.contexts.imports import *
from idp.web.contexts.leaving import *
from idp.web.contexts.log import *
from idp.web.contexts.login import *
from idp.web.contexts.not_me import *
from idp.web.contexts.operator import *
from idp.web.contexts.operator_companies import *
from idp.web.contexts.operator_platform import *
from idp.web.contexts.overview import *
from idp.web.contexts.own_factors import *
from idp.web.contexts.people import *
from idp.web.contexts.policy import *
from idp.web.contexts.recovery import *
from idp.web.contexts.requests import *
from idp.web.contexts.system import *
