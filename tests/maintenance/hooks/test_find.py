"""Which script runs in a stage, and what is refused, with the exact reason."""

import os
import shutil
from pathlib import Path

import pytest

from maintenance.domain.hook_stages import STAGES, HookStage
from maintenance.hooks.find import HooksFolderUnreadable, ScriptRefused, find_script, look

STAGE = HookStage.MAINTENANCE


def refusal(hooks) -> ScriptRefused:
    with pytest.raises(ScriptRefused) as caught:
        find_script(hooks.folder, STAGE)
    return caught.value


@pytest.mark.parametrize("stage", STAGES)
def test_the_bare_name_comes_before_sh_and_sh_before_py(hooks, stage: HookStage) -> None:
    order = []
    for suffix in ("", ".sh", ".py"):
        hooks.write(stage.value + suffix, "#!/bin/sh\n")
    for _ in range(3):
        script = find_script(hooks.folder, stage)
        assert script is not None
        order.append(script.path.name)
        script.path.unlink()

    assert order == [stage.value, f"{stage.value}.sh", f"{stage.value}.py"]
    assert find_script(hooks.folder, stage) is None


def test_the_name_must_be_spelled_as_cloudstack_spells_it(hooks) -> None:
    for name in (
        "maintenance",
        "MAINTENANCE.sh",
        "Maintenance.bash",
        "Maintenance.sh~",
        "Maintenance.sh.bak",
    ):
        hooks.write(name, "#!/bin/sh\n")

    assert find_script(hooks.folder, STAGE) is None


def test_a_script_is_known_by_its_digest_and_size(hooks) -> None:
    first = hooks.sh("exit 0")
    second = hooks.sh("exit 1")

    assert (len(first.digest), first.size) == (64, len("#!/bin/sh\nexit 0\n"))
    assert first.digest != second.digest


def test_a_folder_of_that_name_is_passed_over_for_a_file_after_it(hooks) -> None:
    (hooks.folder / "Maintenance").mkdir()
    hooks.write("Maintenance.py", "#!/usr/bin/env python3\n")

    assert hooks.find().path.name == "Maintenance.py"


def test_a_folder_alone_is_refused_not_taken_for_no_script(hooks) -> None:
    (hooks.folder / "Maintenance.sh").mkdir()

    assert (refusal(hooks).code, refusal(hooks).reason) == ("not_a_file", "it is a folder, not a script")


def test_a_pipe_is_refused_and_not_waited_for(hooks) -> None:
    os.mkfifo(hooks.folder / "Maintenance")

    assert refusal(hooks).reason == "it is no regular file, not a script"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!/no/such/shell\n", "its interpreter /no/such/shell is missing or cannot be executed"),
        ("#!/etc\n", "its interpreter /etc is missing or cannot be executed"),
        ("#!bin/sh\n", "its interpreter bin/sh is not given with its full path"),
        ("#!\n", "its first line names no interpreter after #!"),
        ("echo hello\n", "its first line names no interpreter (such as #!/bin/sh) and it is no program"),
        ("", "its first line names no interpreter (such as #!/bin/sh) and it is no program"),
        (
            "#!/bin/sh\r\n",
            "its first line ends with CR (saved on Windows): the kernel would look for '/bin/sh\\r'",
        ),
        (
            "#!/usr/bin/env python9\n",
            "its interpreter python9 is not in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
    ],
)
def test_a_missing_interpreter_is_named(hooks, text: str, reason: str) -> None:
    hooks.write("Maintenance", text)

    assert (refusal(hooks).code, refusal(hooks).reason) == ("interpreter_missing", reason)


@pytest.mark.parametrize(
    "first_line", ["#!/bin/sh", "#! /bin/sh -e", "#!/usr/bin/env python3", "#!/usr/bin/env -S sh -e"]
)
def test_usual_first_lines_are_accepted(hooks, first_line: str) -> None:
    hooks.write("Maintenance", f"{first_line}\n")

    assert hooks.find().stage is STAGE


def test_a_program_needs_no_first_line(hooks) -> None:
    shutil.copy(Path("/bin/true").resolve(), hooks.folder / "Maintenance")

    assert hooks.run(hooks.find())[0].exit_status == 0


def test_a_script_without_the_right_to_run_is_refused(hooks) -> None:
    hooks.write("Maintenance", "#!/bin/sh\n", mode=0o644)

    assert (refusal(hooks).code, refusal(hooks).reason) == (
        "not_executable",
        "it is not executable: give that right with chmod +x",
    )


@pytest.mark.parametrize(
    ("mode", "code"), [(0o757, "world_writable"), (0o4755, "set_user_id"), (0o2755, "set_user_id")]
)
def test_dangerous_rights_are_refused(hooks, mode: int, code: str) -> None:
    hooks.write("Maintenance", "#!/bin/sh\n", mode=mode)

    assert refusal(hooks).code == code


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_a_folder_that_anybody_can_write_is_refused(hooks, mode: int) -> None:
    hooks.sh("exit 0")
    hooks.folder.chmod(mode)

    assert refusal(hooks).code == "folder_world_writable"
    assert f"its folder {hooks.folder} is world-writable" in str(refusal(hooks))


def test_the_folder_around_it_counts_unless_it_is_sticky(hooks) -> None:
    hooks.sh("exit 0")
    hooks.folder.parent.chmod(0o777)
    assert refusal(hooks).code == "folder_world_writable"

    hooks.folder.parent.chmod(0o1777)
    assert hooks.find().path.name == "Maintenance"


def test_a_symlink_out_of_the_folder_is_refused(hooks, tmp_path: Path) -> None:
    outside = tmp_path / "outside.sh"
    outside.write_text("#!/bin/sh\n")
    outside.chmod(0o755)
    (hooks.folder / "Maintenance").symlink_to(outside)

    assert refusal(hooks).reason == f"it is a symlink to {outside}, out of the hooks folder"


def test_a_symlink_out_of_the_folder_by_a_folder_in_it_is_refused(hooks, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "elsewhere" / "run.sh").chmod(0o755)
    (hooks.folder / "lib").symlink_to(tmp_path / "elsewhere")
    (hooks.folder / "Maintenance").symlink_to("lib/run.sh")

    assert refusal(hooks).code == "symlink_out"


def test_a_symlink_within_the_folder_runs_under_its_own_name(hooks) -> None:
    hooks.write("common.sh", '#!/bin/sh\nbasename "$0"\n')
    (hooks.folder / "Maintenance").symlink_to("common.sh")

    assert hooks.run(hooks.find())[1] == b"Maintenance\n"


def test_a_symlink_to_nothing_is_refused_not_taken_for_no_script(hooks) -> None:
    (hooks.folder / "Maintenance").symlink_to("gone.sh")

    assert refusal(hooks).reason == "it is a symlink to gone.sh, which does not exist"


def test_looking_tells_each_stage_what_is_there_and_what_is_wrong(hooks) -> None:
    good = hooks.sh("exit 0", "PreFlight.sh")
    hooks.write("Maintenance.py", "#!/usr/bin/env python3\n", mode=0o644)

    found = look(hooks.folder)

    assert found[HookStage.PREFLIGHT].digest == good.digest
    assert found[HookStage.MAINTENANCE].present
    assert found[HookStage.MAINTENANCE].problem == "it is not executable: give that right with chmod +x"
    assert not found[HookStage.POST_MAINTENANCE].present
    assert found[HookStage.POST_MAINTENANCE].looked_for == (
        "PostMaintenance",
        "PostMaintenance.sh",
        "PostMaintenance.py",
    )


def test_a_change_is_seen_although_digests_are_remembered(hooks) -> None:
    path = hooks.write("Maintenance", "#!/bin/sh\nexit 0\n")
    os.utime(path, (1, 1))
    before = look(hooks.folder)[STAGE].digest
    path.write_text("#!/bin/sh\nexit 1\n")
    os.utime(path, (1, 1))

    assert look(hooks.folder)[STAGE].digest != before


@pytest.mark.parametrize("call", [look, lambda folder: find_script(folder, STAGE)])
def test_a_folder_that_is_gone_is_unknown_never_no_script(hooks, call) -> None:
    shutil.rmtree(hooks.folder)

    with pytest.raises(HooksFolderUnreadable, match="No such file"):
        call(hooks.folder)


def test_a_file_in_the_folders_place_is_unknown_never_no_script(hooks) -> None:
    shutil.rmtree(hooks.folder)
    hooks.folder.write_text("")

    with pytest.raises(HooksFolderUnreadable, match="Not a directory"):
        look(hooks.folder)
