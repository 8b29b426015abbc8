"""What probes make of their answers: time without one, from the last good to the next good."""

import socket

import pytest

from maintenance.backends.system_vms import ProbePoint
from maintenance.engine.patching import downtime
from maintenance.engine.patching.downtime import answers
from maintenance.engine.patching.measured import Measured
from maintenance.models import Downtime

INGRESS = ProbePoint("ingress", "127.0.0.1", 1)


def measured(*answers_s: tuple[float, bool], after: Measured | None = None, attempt: int = 1) -> Measured:
    """`after`: another step of the same way was measured before this one."""
    if after is None:
        one = Measured(INGRESS)
    else:
        one = Measured.going_on(INGRESS, Downtime(attempt=1, **after.columns()), attempt=attempt)
    for at_s, is_good in answers_s:
        one.add(at_s, is_good)
    return one


def gaps_ms(one: Measured) -> list[float]:
    return [gap["ms"] for gap in one.columns()["gaps"]]


def test_without_a_bad_answer_nothing_was_down():
    one = measured((0.0, True), (0.05, True), (0.4, True))

    assert (one.down_ms, gaps_ms(one)) == (0, [])


def test_a_gap_lasts_from_the_last_good_answer_to_the_next_good_one():
    one = measured((0.0, True), (0.05, False), (0.10, False), (0.15, True), (0.2, False), (0.25, True))

    assert gaps_ms(one) == pytest.approx([150, 100])
    assert one.down_ms == pytest.approx(250)
    assert (one.probes, one.failed) == (6, 3)


def test_what_is_still_down_at_the_end_counts():
    one = measured((0.0, True), (0.05, False), (0.5, False))

    assert one.down_ms == pytest.approx(500)
    assert gaps_ms(one) == pytest.approx([500])


def test_a_gap_that_spans_two_steps_is_counted_whole_and_once():
    first = measured((0.0, True), (0.05, False), (0.10, False))
    second = measured((0.30, False), (0.35, True), (0.40, True), after=first)
    third = measured((0.50, True), (0.55, False), after=second)

    assert second.down_ms == pytest.approx(350)
    assert gaps_ms(second) == pytest.approx([350])
    assert third.down_ms == pytest.approx(350 + 50)
    assert (third.probes, third.failed, third.interrupted) == (8, 4, 0)


def test_a_step_that_begins_with_a_bad_answer_counts_from_the_last_good_one_of_the_step_before():
    first = measured((0.0, True), (0.05, True))

    assert measured((0.15, False), (0.20, True), after=first).down_ms == pytest.approx(150)


def test_what_did_not_answer_before_anything_was_changed_is_not_counted():
    one = measured((0.0, False), (0.05, False), (0.10, True), (0.15, False), (0.20, True))

    assert one.down_ms == pytest.approx(100)


def test_nobody_probed_for_a_while_so_it_was_interrupted_and_what_was_down_counts_until_it_is_seen_to_answer():
    killed = measured((0.0, True), (0.05, False))
    one = measured((7.0, True), after=killed)

    assert (one.interrupted, one.down_ms) == (1, pytest.approx(7000))
    assert measured((0.5, True), after=killed).interrupted == 0


def test_a_new_attempt_counts_nothing_of_the_time_in_which_nothing_was_done():
    first = measured((0.0, True))
    again = measured((500.0, False), (500.05, True), after=first, attempt=2)

    assert (again.down_ms, again.interrupted) == (0, 0)


def test_a_port_that_nobody_listens_on_does_not_answer():
    assert not answers(INGRESS)


def test_an_answer_is_not_awaited_from_a_router_that_has_lost_the_address(monkeypatch):
    monkeypatch.setattr(downtime, "TIMEOUT_S", 3600)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ways = iter([silent.getsockname(), silent.getsockname(), ("127.0.0.1", 1)])
        point = ProbePoint("ingress", "203.0.113.5", 22, "/", via=lambda: next(ways))

        assert not answers(point)
    assert list(ways) == []


def test_how_an_address_is_reached_is_asked_before_every_probe():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ways = iter([None, listener.getsockname()])
        point = ProbePoint("ingress", "203.0.113.5", 22, via=lambda: next(ways))

        assert [answers(point), answers(point)] == [False, True]
