"""Doing one claimed step, whatever it is, and what becomes of it when doing it goes wrong."""

import psycopg
import structlog
from django.conf import settings
from django.db import Error as DatabaseError

from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import PATCH_STAGES, ROUTER_STAGES, SERVER_STAGES, Stage
from maintenance.engine.claim import Claim, LostLease
from maintenance.engine.drain import drain
from maintenance.engine.failpoints import failpoint
from maintenance.engine.giving_back import give_back
from maintenance.engine.hands import EngineStops, Hands, Orders
from maintenance.engine.hold import hand_on
from maintenance.engine.patching import patch as live_patch
from maintenance.engine.patching import router
from maintenance.engine.scripts import end_script, run_script
from maintenance.engine.servers.cancel import take_back
from maintenance.engine.servers.prepare import prepare
from maintenance.engine.servers.restart import come_back, settle, shut_down
from maintenance.engine.settle import Ending, end_step
from maintenance.feed import ENGINE, unit_of_work

log = structlog.get_logger(__name__)

WITHOUT_SCRIPT = SERVER_STAGES | PATCH_STAGES | ROUTER_STAGES | {Stage.DRAIN, Stage.RETURN}


def perform(claim: Claim, orders: Orders) -> None:
    """The step has ended, waits again, or belongs to somebody else. Raises only what the database raises."""
    hands = Hands.take(claim, orders)
    bound = log.bind(run=str(claim.run_id), target=hands.target.name, stage=claim.stage, epoch=claim.epoch)
    if claim.taken_over:
        bound.warning("step taken over")
        with unit_of_work(ENGINE) as work:
            work.event(
                "step.taken_over", hands.about, after={"epoch": claim.epoch, "takeovers": claim.takeovers}
            )
    failpoint(f"{claim.stage}.taken", hands.target.name)
    try:
        if claim.takeovers >= settings.TAKEOVERS_MAX:
            if claim.takeovers == settings.TAKEOVERS_MAX and claim.stage not in WITHOUT_SCRIPT:
                end_script(hands)  # tried once only: this may be what ends the engines
            words = f"given up after {claim.takeovers} engines died, froze or failed while doing it"
            return end_step(claim, _given_up(hands, words))
        match claim.stage:
            case Stage.DRAIN:
                drain(hands)
            case Stage.RETURN:
                give_back(hands)
            case Stage.SERVER_PREPARE | Stage.SERVER_PREPARE_SHUTDOWN:
                prepare(hands)
            case Stage.SERVER_CANCEL | Stage.SERVER_CANCEL_SHUTDOWN:
                take_back(hands)
            case Stage.SERVER_SHUT_DOWN:
                shut_down(hands)
            case Stage.SERVER_COME_BACK:
                come_back(hands)
            case Stage.SERVER_SETTLE:
                settle(hands)
            case stage if stage in PATCH_STAGES:
                live_patch.patch(hands)
            case stage if stage in ROUTER_STAGES:
                router.restart_router(hands)
            case _:
                run_script(hands)
    except LostLease:
        bound.warning("lease lost: another engine does this step")
    except EngineStops:
        _hand_on(claim)
    except (DatabaseError, psycopg.Error):
        raise
    except Exception as fault:
        # Ours, or an adapter's: told where people look, done again when its lease ends, and given up in the end.
        bound.exception("the step met a fault")
        _note_fault(hands, fault)


def _given_up(hands: Hands, words: str) -> Ending:
    match hands.claim.stage:
        case stage if stage in PATCH_STAGES:
            return live_patch.given_up(hands, words)
        case stage if stage in ROUTER_STAGES:
            return router.given_up(hands, words)
        case _:
            return Ending(Outcome.UNKNOWN, words)


def _note_fault(hands: Hands, fault: Exception) -> None:
    try:
        hands.met_fault(fault)
    except LostLease:
        log.info("already taken over", step=str(hands.claim.step_id))


def _hand_on(claim: Claim) -> None:
    try:
        hand_on(claim)
    except LostLease:
        log.info("already taken over", step=str(claim.step_id))
