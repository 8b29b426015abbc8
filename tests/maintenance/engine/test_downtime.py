"""What probes make of their answers: time without one, from the last good to the next good."""

import pytest

from maintenance.backends.system_vms import ProbePoint
from maintenance.engine.patching.downtime import Measured, answers


def measured(*answers_s: tuple[float, bool]) -> Measured:
    one = Measured(ProbePoint("ingress", "127.0.0.1", 1))
    for at_s, is_good in answers_s:
        one.add(at_s, is_good)
    return one


def test_without_a_bad_answer_nothing_was_down():
    assert measured((0.0, True), (0.05, True), (0.4, True)).gaps_ms == []


def test_a_gap_lasts_from_the_last_good_answer_to_the_next_good_one():
    one = measured((0.0, True), (0.05, False), (0.10, False), (0.15, True), (0.2, False), (0.25, True))

    assert one.gaps_ms == pytest.approx([150, 100])
    assert (one.probes, one.failed) == (6, 3)


def test_what_is_still_down_at_the_end_counts():
    one = measured((0.0, True), (0.05, False))
    one.end(0.5)

    assert one.gaps_ms == pytest.approx([500])


def test_a_port_that_nobody_listens_on_does_not_answer():
    assert not answers(ProbePoint("ingress", "127.0.0.1", 1))
