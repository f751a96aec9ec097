"""What signing in is made of, put together once for ``authn.service``."""

from dataclasses import dataclass

from idp.accounts.guessing import Lookups
from idp.accounts.passwords import Hasher
from idp.accounts.service import AccountService
from idp.authn.factors.checking import FactorService
from idp.authn.factors.codes import MailCodes, RecoveryCodeService
from idp.authn.factors.destinations import Destinations
from idp.authn.factors.devices import RememberedDevices
from idp.authn.factors.enrolment import Enrolment
from idp.authn.factors.own_factors import OwnFactors
from idp.authn.factors.passkeys import Passkeys
from idp.authn.factors.sent_codes import SentCodes
from idp.authn.factors.totp import TotpService
from idp.authn.login.answers import Answers
from idp.authn.login.evaluation import Evaluation
from idp.authn.login.factor_answers import FactorAnswers
from idp.authn.login.finishing import Finishing
from idp.authn.login.login_starts import LoginStarts
from idp.authn.login.progress import Progress
from idp.authn.login.registration import Registration
from idp.authn.login.showing import Showing
from idp.authn.login.sign_up import SignUp
from idp.authn.login.transaction import TransactionStore
from idp.authn.login.vault import Vault
from idp.authn.ports import Arrivals, Companies, Help, Invitations, Memberships, People
from idp.authn.sessions import Sessions
from idp.core.clock import Clock
from idp.core.randomness import Randomness
from idp.infra.audit import Audit
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.infra.sealing import Sealer
from idp.infra.throttle import Throttle
from idp.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """The collaborators of the hosted login."""

    clock: Clock
    randomness: Randomness
    people: People
    sessions: Sessions
    starts: LoginStarts
    transactions: TransactionStore
    registration: Registration
    evaluation: Evaluation
    progress: Progress
    showing: Showing
    answers: Answers
    finishing: Finishing
    devices: RememberedDevices
    factors: FactorService
    enrolment: Enrolment
    own_factors: OwnFactors


def build_parts(
    *,
    settings: Settings,
    clock: Clock,
    randomness: Randomness,
    store: EphemeralStore,
    sealer: Sealer,
    throttle: Throttle,
    outbox: Outbox,
    audit: Audit,
    hasher: Hasher,
    sessions: Sessions,
    accounts: AccountService,
    memberships: Memberships,
    people: People,
    invitations: Invitations,
    companies: Companies,
    arrivals: Arrivals,
    help: Help,
) -> Parts:
    """Everything from the services below and the ports above."""
    lifetimes = settings.lifetimes
    vault = Vault(sealer)
    transactions = TransactionStore(store, clock, lifetimes.login_transaction)
    devices = RememberedDevices(clock, randomness)
    totp = TotpService(store, clock, randomness)
    recovery_codes = RecoveryCodeService(clock, randomness)
    passkeys = Passkeys(settings, clock, randomness, store, sealer, audit, outbox)
    passkeys.on_changed.append(people.forget)
    destinations = Destinations(clock, randomness)
    sent_codes = SentCodes(settings, store, randomness, sealer, clock, throttle, outbox, audit)
    factors = FactorService(
        settings=settings,
        clock=clock,
        throttle=throttle,
        outbox=outbox,
        audit=audit,
        totp=totp,
        recovery_codes=recovery_codes,
        passkeys=passkeys,
        sent_codes=sent_codes,
        destinations=destinations,
        people=people,
    )
    enrolment = Enrolment(
        settings=settings,
        clock=clock,
        throttle=throttle,
        outbox=outbox,
        audit=audit,
        totp=totp,
        recovery_codes=recovery_codes,
        passkeys=passkeys,
        sent_codes=sent_codes,
        destinations=destinations,
        people=people,
    )
    own_factors = OwnFactors(
        settings=settings,
        clock=clock,
        store=store,
        sealer=sealer,
        outbox=outbox,
        audit=audit,
        enrolment=enrolment,
        totp=totp,
        passkeys=passkeys,
        destinations=destinations,
        recovery_codes=recovery_codes,
        devices=devices,
        accounts=accounts,
        people=people,
    )
    registration = Registration(
        clock=clock,
        vault=vault,
        outbox=outbox,
        hasher=hasher,
        accounts=accounts,
        people=people,
        mail_codes=MailCodes(store, randomness, sealer, lifetimes.email_code),
        invitations=invitations,
        code_lifetime=lifetimes.email_code,
        terms_uri=settings.accounts.terms_uri,
    )
    sign_up = SignUp(
        settings=settings,
        clock=clock,
        throttle=throttle,
        outbox=outbox,
        audit=audit,
        accounts=accounts,
        people=people,
        arrivals=arrivals,
        new_accounts=registration.new_accounts,
    )
    evaluation = Evaluation(
        clock,
        sessions,
        devices,
        people,
        memberships,
        arrivals,
        vault,
        factors.available,
        settings.accounts.registration,
    )
    answers = Answers(
        settings=settings.accounts,
        clock=clock,
        accounts=accounts,
        people=people,
        companies=companies,
        arrivals=arrivals,
        lookups=Lookups(throttle, settings.limits),
        registration=registration,
        sign_up=sign_up,
        factors=FactorAnswers(clock, accounts, factors, enrolment, help, vault),
    )
    finishing = Finishing(
        clock=clock,
        randomness=randomness,
        transactions=transactions,
        sessions=sessions,
        devices=devices,
        accounts=accounts,
        memberships=memberships,
        people=people,
        audit=audit,
    )
    return Parts(
        clock=clock,
        randomness=randomness,
        people=people,
        sessions=sessions,
        starts=LoginStarts(throttle, settings.limits),
        transactions=transactions,
        registration=registration,
        evaluation=evaluation,
        progress=Progress(transactions, evaluation, registration, enrolment, vault),
        showing=Showing(factors, enrolment, help, vault),
        answers=answers,
        finishing=finishing,
        devices=devices,
        factors=factors,
        enrolment=enrolment,
        own_factors=own_factors,
    )
