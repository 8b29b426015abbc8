"""What a stop ends that is no child of the launcher any more."""

from pathlib import Path

from maintenance.backends.lab.system_vms import power
from maintenance.backends.lab.system_vms.folder import VmFolder
from maintenance.backends.lab.system_vms.install import Deployed, install
from maintenance.domain.system_vms import SystemVmType
from tooling.processes import with_environment
from tooling.strays import Strays


def booted(var: Path) -> VmFolder:
    install(Deployed("r-1-VM", SystemVmType.ROUTER, "4.21.0.0"))
    vm = VmFolder(var / "lab" / "system-vms" / "r-1-VM")
    power.boot(vm)
    return vm


def test_a_stop_ends_system_vms_with_all_their_services(settings, open_folder: Path):
    settings.VAR_DIR = open_folder
    vm = booted(open_folder)
    marked = with_environment(f"{power.ROOT_VARIABLE}={vm.root.parent}")
    assert len(marked) == 4

    Strays(open_folder).stop()
    power.collect_ended()

    assert not power.is_on(vm)
    assert not [pid for pid in marked if Path(f"/proc/{pid}").exists()]


def test_a_start_leaves_system_vms_that_run_alone(settings, open_folder: Path):
    settings.VAR_DIR = open_folder
    vm = booted(open_folder)
    before = power.running(vm)

    Strays(open_folder).start()

    assert power.running(vm) == before
    power.turn_off(vm)


def test_a_stop_leaves_system_vms_of_other_installations_alone(settings, open_folder: Path, tmp_path: Path):
    settings.VAR_DIR = open_folder
    vm = booted(open_folder)

    Strays(tmp_path).stop()

    assert power.is_on(vm)
    power.turn_off(vm)
