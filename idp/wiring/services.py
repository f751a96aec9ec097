"""The services of one process, as one value."""

from dataclasses import dataclass

from idp.accounts.legacy_logins import LegacyLogins
from idp.accounts.service import AccountService
from idp.authn.service import AuthnService
from idp.authn.sessions import Sessions
from idp.authn.sign_out import SignOut
from idp.clients.registry import ClientRegistry
from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.grants.consent import Consents
from idp.grants.management_tokens import ManagementTokens
from idp.grants.service import Grants
from idp.infra.audit import Audit
from idp.infra.background import Background
from idp.infra.delivery_worker import DeliveryWorker
from idp.infra.embedded_redis import EmbeddedRedis
from idp.infra.ephemeral import EphemeralStore
from idp.infra.keyring import Keyring
from idp.infra.outbox import Outbox
from idp.infra.sealing import Sealer
from idp.infra.throttle import Throttle
from idp.people.activation.arrivals import Arrivals
from idp.people.activation.service import Activation
from idp.people.admin_requests.service import AdminRequests
from idp.people.app_password_rules import AppPasswordRules
from idp.people.app_passwords import PeoplesAppPasswords
from idp.people.branding import Branding
from idp.people.client_desk import ClientDesk
from idp.people.imports.service import Imports
from idp.people.log.change_log import ChangeLog
from idp.people.log.history import History
from idp.people.log.settings import LogSettings
from idp.people.members.bulk import Bulk
from idp.people.members.export import PeopleExport
from idp.people.members.joining import Joining
from idp.people.members.leaving import Leaving
from idp.people.members.letters import Letters
from idp.people.members.service import PeopleService
from idp.people.members.told import Told
from idp.people.operators.companies import Companies
from idp.people.operators.operations import Operations
from idp.people.operators.watch import Watch
from idp.people.overview import Overview
from idp.people.own_profile import OwnProfile
from idp.people.recovery.cases import Cases
from idp.people.recovery.help import Help
from idp.people.recovery.not_me import SignInNotices
from idp.people.rollout.service import RollOut
from idp.people.snapshot import PersonDirectory
from idp.protocol.failed_flows import FailedFlows
from idp.protocol.server import ProtocolServer
from idp.settings import Settings
from idp.tenants.directory import TenantDirectory
from idp.tenants.logos import Logos
from idp.tenants.service import TenantService


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a view or a command may call."""

    settings: Settings
    clock: Clock
    randomness: Randomness
    sealer: Sealer
    store: EphemeralStore
    keyring: Keyring
    outbox: Outbox
    audit: Audit
    throttle: Throttle
    deliveries: DeliveryWorker
    background: Background
    operations: Operations
    watch: Watch
    companies: Companies
    logos: Logos
    branding: Branding
    accounts: AccountService
    legacy_logins: LegacyLogins
    tenants: TenantService
    directory: TenantDirectory
    clients: ClientRegistry
    client_desk: ClientDesk
    persons: PersonDirectory
    people: PeopleService
    people_export: PeopleExport
    bulk: Bulk
    overview: Overview
    rollout: RollOut
    joining: Joining
    arrivals: Arrivals
    imports: Imports
    activation: Activation
    admin_requests: AdminRequests
    told: Told
    cases: Cases
    help: Help
    sign_in_notices: SignInNotices
    letters: Letters
    history: History
    app_passwords: PeoplesAppPasswords
    app_password_rules: AppPasswordRules
    change_log: ChangeLog
    log_settings: LogSettings
    leaving: Leaving
    own_profile: OwnProfile
    grants: Grants
    management_tokens: ManagementTokens
    sessions: Sessions
    authn: AuthnService
    sign_out: SignOut
    protocol: ProtocolServer
    embedded_redis: EmbeddedRedis | None = None

    @property
    def consents(self) -> Consents:
        """What people allowed third-party clients."""
        return self.grants.consents

    @property
    def failed_flows(self) -> FailedFlows:
        """What went wrong lately at each client."""
        return self.protocol.failed_flows

    def close(self) -> None:
        """Let go of Redis; the last user of a bundled one stops it."""
        self.store.close()
        if self.embedded_redis is not None:
            self.embedded_redis.stop()
