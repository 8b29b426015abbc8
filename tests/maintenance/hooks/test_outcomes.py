"""What an ended script means for its host, for every status, stage and end."""

import pytest

from maintenance.domain.hook_stages import STAGES, HookStage
from maintenance.domain.outcomes import Outcome, judge
from maintenance.hooks.results import HookEnd

EARLY = {HookStage.PREFLIGHT, HookStage.PRE_MAINTENANCE}


def test_the_stages_are_cloudstacks_in_its_order() -> None:
    assert STAGES == ("PreFlight", "PreMaintenance", "Maintenance", "PostMaintenance")


@pytest.mark.parametrize("stage", STAGES)
def test_only_status_0_is_ok_and_only_70_in_an_early_stage_is_not_needed(stage: HookStage) -> None:
    judged = [judge(stage, HookEnd.EXITED, status) for status in range(256)]

    expected = [Outcome.FAILED] * 256
    expected[0] = Outcome.OK
    if stage in EARLY:
        expected[70] = Outcome.NOT_NEEDED
    assert judged == expected


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("status", [None, 0, 1, 70, 255])
@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (HookEnd.TIMED_OUT, Outcome.TIMED_OUT),
        (HookEnd.STOPPED, Outcome.STOPPED),
        (HookEnd.REFUSED, Outcome.REFUSED),
        (HookEnd.LOST, Outcome.UNKNOWN),
        ("never heard of", Outcome.UNKNOWN),
    ],
)
def test_no_status_makes_another_end_good(
    stage: HookStage, status: int | None, end: str, outcome: Outcome
) -> None:
    assert judge(stage, end, status) is outcome


@pytest.mark.parametrize("stage", STAGES)
def test_a_script_that_a_signal_ended_has_failed(stage: HookStage) -> None:
    assert judge(stage, HookEnd.EXITED, None) is Outcome.FAILED


def test_every_end_there_is_has_a_place_in_the_table() -> None:
    known = {end: judge(HookStage.PREFLIGHT, end, 0) for end in HookEnd}

    assert [end for end, outcome in known.items() if outcome is Outcome.UNKNOWN] == [HookEnd.LOST]
