"""The only place that picks implementations: settings in, services out.

Also the only place that ties what must follow from a change in one folder to what another folder
does about it: a locked member's sessions end, a changed password ends refresh tokens, an ended
session is told to its products.
"""

from idp.accounts.app_passwords import AppPasswords
from idp.accounts.legacy_logins import LegacyLogins
from idp.accounts.passwords import Hasher
from idp.accounts.recovery import RecoveryLinks
from idp.accounts.service import AccountService
from idp.authn.parts import build_parts
from idp.authn.service import AuthnService
from idp.authn.sessions import Sessions
from idp.authn.sign_out import SignOut
from idp.authn.standing import Standing
from idp.clients.registry import ClientRegistry
from idp.core.clock import Clock, SystemClock
from idp.core.randomness import Randomness
from idp.grants.management_tokens import ManagementTokens
from idp.grants.service import Grants
from idp.infra.audit import Audit
from idp.infra.audit_retention import AuditRetention
from idp.infra.background import Background
from idp.infra.client_keys import ClientKeys
from idp.infra.delivery import LogoutNotifier, Mailer, OutboxMailer, SmtpMailer
from idp.infra.delivery_queue import DeliveryQueue
from idp.infra.delivery_worker import DeliveryWorker
from idp.infra.embedded_redis import EmbeddedRedis
from idp.infra.ephemeral import EphemeralStore
from idp.infra.folded import FoldedNames
from idp.infra.gateway import phone_gateways
from idp.infra.keyring import Keyring
from idp.infra.mail_templates import render_mail
from idp.infra.outbound import Outbound
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
from idp.people.log.settings import LogSettings, expected_chains
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
from idp.people.recovery.alerts import Alerts
from idp.people.recovery.cases import Cases
from idp.people.recovery.help import Help
from idp.people.recovery.not_me import SignInNotices
from idp.people.rollout.service import RollOut
from idp.people.snapshot import PersonDirectory
from idp.protocol.app_passwords import AppPasswordCheck
from idp.protocol.server import ProtocolServer
from idp.settings import Settings
from idp.tenants.directory import TenantDirectory
from idp.tenants.logos import Logos
from idp.tenants.service import TenantService
from idp.wiring.services import Services
from idp.wiring.ties import tie

__all__ = ["Services", "build_services"]


def build_services(
    settings: Settings,
    *,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
    sealer: Sealer | None = None,
    store: EphemeralStore | None = None,
    mailer: Mailer | None = None,
) -> Services:
    """The services of one process; tests hand in clock, randomness, store or mailer."""
    clock = clock or SystemClock()
    randomness = randomness or Randomness()
    sealer = sealer or Sealer(settings.master_keys, randomness)
    embedded = None
    if store is None:
        url = settings.redis.url
        if url is None:
            embedded = EmbeddedRedis(settings.data_dir)
            url = embedded.ensure_running()
        store = EphemeralStore(url, randomness)

    throttle = Throttle(store)
    audit = Audit(clock, randomness, sealer)
    keyring = Keyring(store, sealer, clock, randomness, settings.lifetimes)
    outbound = Outbound(settings.outbound)
    outbox = Outbox(clock, randomness, store)
    hasher = Hasher(settings.hashing, randomness)

    accounts = AccountService(settings, clock, randomness, outbox, audit, throttle, hasher, store)
    legacy_logins = LegacyLogins(outbound, clock, randomness, audit, store)
    accounts.legacy_logins = legacy_logins
    tenants = TenantService(clock, randomness, audit, store)
    directory = TenantDirectory(store)
    persons = PersonDirectory(store, directory, randomness)
    people = PeopleService(
        settings, clock, randomness, outbox, audit, throttle, accounts, tenants, persons
    )
    clients = ClientRegistry(store, clock, randomness, audit, loopback_issuer=settings.loopback)
    grants = Grants(settings, clock, randomness, store, sealer, keyring, audit, persons.forget)

    sessions = Sessions(store, clock, randomness, settings.lifetimes)
    arrivals = Arrivals(
        settings, clock, randomness, outbox, audit, accounts, tenants, people.invitations
    )
    joining = Joining(settings, clock, outbox, audit, throttle, accounts, tenants)
    links = RecoveryLinks(settings, randomness, outbox, audit, throttle, store)
    cases = Cases(settings, clock, randomness, outbox, audit, accounts, links, people)
    help_ = Help(settings, store, throttle, outbox, audit, people, cases)
    sign_in_notices = SignInNotices(
        settings, clock, randomness, store, outbox, audit, accounts, links, persons, cases
    )
    authn = AuthnService(
        build_parts(
            settings=settings,
            clock=clock,
            randomness=randomness,
            store=store,
            sealer=sealer,
            throttle=throttle,
            outbox=outbox,
            audit=audit,
            hasher=hasher,
            sessions=sessions,
            accounts=accounts,
            memberships=tenants.memberships,
            people=persons,
            invitations=people.invitations,
            companies=joining,
            arrivals=arrivals,
            help=help_,
        )
    )
    tenants.available_factors = authn.factors.available
    app_passwords = AppPasswords(clock, randomness)
    protocol = ProtocolServer(
        settings,
        clock,
        randomness,
        store,
        keyring,
        clients,
        ClientKeys(outbound, clock),
        persons,
        grants,
        outbox,
        audit,
        Standing(clock, authn.factors.available).still_allowed,
        AppPasswordCheck(clock, throttle, app_passwords),
    )
    queue = DeliveryQueue(clock, outbox, audit)
    told = Told(clock, randomness, sessions, protocol.logout, clients, queue)
    admin_requests = AdminRequests(
        settings, clock, randomness, outbox, audit, throttle, accounts, tenants
    )
    peoples_app_passwords = PeoplesAppPasswords(settings, clock, outbox, audit, app_passwords)
    tie(
        accounts,
        people,
        sign_in_notices,
        sessions,
        authn,
        grants,
        protocol,
        told,
        admin_requests,
        peoples_app_passwords,
    )
    alerts = Alerts(settings, clock, store, outbox, accounts)
    accounts.on_guessing.append(alerts.guessing)
    authn.factors.on_stopped.append(alerts.factor_stopped)
    authn.on_new_device.append(sign_in_notices.noticed)
    people.on_factors_reset.append(help_.answered)
    deliveries = DeliveryWorker(
        store,
        clock,
        randomness,
        mailer or _mailer(settings, clock),
        render_mail,
        LogoutNotifier(outbound, protocol.logout.sign),
        phone_gateways(settings.mail.sms_url, settings.mail.voice_url, settings.outbound),
    )
    background = Background(store)
    background.jobs += [arrivals.settle_some, arrivals.tell_some]
    folded_names = FoldedNames()
    background.jobs.append(folded_names.fill)
    background.hourly.append(folded_names.review)
    imports = Imports(
        settings, clock, randomness, audit, throttle, tenants, background, arrivals.withdraw
    )
    imports.can_ask = legacy_logins.has
    background.jobs.append(imports.worker.work)
    background.hourly.append(imports.worker.purge)
    audit.on_expected.append(expected_chains)
    background.hourly.append(app_passwords.purge)
    log_settings = LogSettings(clock, audit, store)
    background.hourly.append(AuditRetention(clock, audit, log_settings.retentions).run)
    operations = Operations(clock, store, audit, keyring, queue, background)
    logos = Logos(clock)
    rollout = RollOut(settings, clock, outbox, audit, accounts, tenants)
    overview = Overview(clock, tenants, rollout, protocol.failed_flows)
    background.hourly += [deliveries.prune, grants.refresh_tokens.purge, told.purge]
    background.jobs.append(clients.issued.write_down_uses)
    return Services(
        settings=settings,
        clock=clock,
        randomness=randomness,
        sealer=sealer,
        store=store,
        keyring=keyring,
        outbox=outbox,
        audit=audit,
        throttle=throttle,
        deliveries=deliveries,
        background=background,
        operations=operations,
        watch=Watch(settings, clock, store, keyring, deliveries, operations),
        companies=Companies(tenants, people.invitations),
        logos=logos,
        branding=Branding(tenants, logos),
        accounts=accounts,
        legacy_logins=legacy_logins,
        tenants=tenants,
        directory=directory,
        clients=clients,
        client_desk=ClientDesk(clients),
        persons=persons,
        people=people,
        people_export=PeopleExport(people, audit),
        bulk=Bulk(clock, people, rollout),
        overview=overview,
        rollout=rollout,
        joining=joining,
        arrivals=arrivals,
        imports=imports,
        activation=Activation(settings, clock, store, outbox, audit, background, tenants),
        admin_requests=admin_requests,
        told=told,
        cases=cases,
        help=help_,
        sign_in_notices=sign_in_notices,
        letters=Letters(settings, throttle, outbox, audit),
        history=History(directory),
        app_passwords=peoples_app_passwords,
        app_password_rules=AppPasswordRules(store, audit, app_passwords),
        change_log=ChangeLog(audit),
        leaving=Leaving(settings, outbox, audit, accounts, tenants, people),
        log_settings=log_settings,
        own_profile=OwnProfile(settings, clock, outbox, accounts),
        grants=grants,
        management_tokens=ManagementTokens(clock, grants, audit),
        sessions=sessions,
        authn=authn,
        sign_out=SignOut(sessions, audit, grants.end_account),
        protocol=protocol,
        embedded_redis=embedded,
    )


def _mailer(settings: Settings, clock: Clock) -> Mailer:
    if settings.mail.smtp_url is None:
        return OutboxMailer()
    return SmtpMailer(settings.mail, settings.outbound, clock)
