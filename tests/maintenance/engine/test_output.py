"""What scripts print: shown while they run, head and tail kept, the middle counted, nothing of it harmful."""

import pytest
from django.db.models import Sum
from django.db.models.functions import Length

from maintenance.engine.output import HEAD_BYTES, TAIL_BYTES
from maintenance.models import FeedEvent, OutputChunk, Step
from maintenance.output_tails import output_tails
from maintenance.report import run_result
from tests.maintenance.engine.small_lab import ended, engine_running
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def shown(step):
    return output_tails([step.id], 100)[step.id]


def kept_bytes(step):
    return OutputChunk.objects.filter(step=step).aggregate(n=Sum(Length("content")))["n"]


def test_output_is_there_while_the_script_still_runs(lab):
    lab.script(
        "kvm1",
        "Maintenance",
        '#!/bin/sh\necho first line\nwhile ! [ -e "$LAB_HOST_DIR/go" ]; do sleep 0.05; done\n',
    )
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        step = wait_until(
            lambda: Step.objects.filter(run=run, output_bytes__gt=0, state="Running").first(), within_s=20
        )
        assert shown(step) == "first line\n"
        lab.folder("kvm1").joinpath("go").touch()
        assert ended(run).state == "Succeeded"


def test_a_flood_of_output_keeps_its_head_and_tail_and_its_count(lab):
    size = 300_000_000
    lab.script(
        "kvm1", "Maintenance", f"#!/bin/sh\necho the head\nyes flood | head -c {size}\necho the tail\n"
    )
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        run = ended(run, within_s=60)

    step = Step.objects.get(run=run, stage="Maintenance")
    assert step.output_bytes == size + len("the head\nthe tail\n")
    assert kept_bytes(step) <= HEAD_BYTES + 4 * TAIL_BYTES
    assert bytes(OutputChunk.objects.filter(step=step).first().content).startswith(b"the head\n")
    assert run_result(run)["hostsupdated"][0]["output"].endswith("the tail\n")
    assert FeedEvent.objects.filter(kind="step.output").count() < 100


def test_garbage_is_kept_as_bytes_and_shown_inert(lab):
    lab.script("kvm1", "Maintenance", "#!/bin/sh\nprintf 'a\\000\\033[31mb\\351\\n'\n")
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        run = ended(run)

    step = Step.objects.get(run=run, stage="Maintenance")
    assert bytes(OutputChunk.objects.get(step=step).content) == b"a\0\x1b[31mb\xe9\n"
    assert shown(step) == "a␀␛[31mb\\xe9\n"
