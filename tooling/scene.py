"""A Pitstop of its own with something to see: one run is done, one works, one needs a person; a router is patched,
another replaced.

It is started as anybody starts it, on a free port and in a temporary var folder, and nothing of it is left afterwards.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tooling.processes import dying_with_parent

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "only-for-pictures-1"
# A payload for the lab's system VMs, the router that is patched with it (the demo tenant's), and one that is not; the
# network whose router is replaced.
PAYLOAD, ROUTER, BEHIND = "4.21.0.1", "r-7-VM", "r-27-VM"
REPLACED_OF, OTHER = "studio-render", "tenant-front"
UP_WITHIN_S, SCENE_WITHIN_S, DOWN_WITHIN_S = 120, 120, 30
FAILS = """#!/bin/sh
echo "Unpacking linux-image-6.1.0-28-amd64 ..."
echo "dpkg: error: failed to write '/boot/initrd.img': No space left on device" >&2
exit 3
"""
WORKS = """#!/bin/sh
n=0
while [ $n -lt 600 ]; do
    n=$((n + 1)); echo "dracut: *** Including module $n of 600: kernel-modules ***"; sleep 1
done
"""


class SceneError(Exception):
    """It cannot be shown; the words say what did not happen, and what was said instead."""


@dataclass(frozen=True)
class Scene:
    """An instance that runs. `ids`: what the pages with one thing in their address show."""

    url: str
    token: str
    ids: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Any:
        return self._ask(path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._ask(path, body)

    def _ask(self, path: str, body: dict[str, Any] | None) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Token {self.token}"
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.url}/api/v1/{path}", data=data, headers=headers), timeout=10) as answer:
            return json.load(answer)


@contextmanager
def played() -> Iterator[Scene]:
    """The scene, for as long as somebody looks. Raises: SceneError."""
    with tempfile.TemporaryDirectory(prefix="pitstop-pictures-") as name:
        var = Path(name)
        var.chmod(0o711)  # PostgreSQL and scripts may run as other accounts
        environment = _environment(var)
        launcher = _launch(environment)
        try:
            yield _play(f"http://127.0.0.1:{environment['PORT']}", environment)
        finally:
            _stop(launcher)


def _environment(var: Path) -> dict[str, str]:
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("PITSTOP_", "DATABASE"))}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {**ours, "PITSTOP_VAR": str(var), "PORT": str(port), "PITSTOP_DEMO_PASSWORD": PASSWORD}


def _launch(environment: dict[str, str]) -> subprocess.Popen[str]:
    """The launcher, once it says that everything is ready."""
    log = Path(environment["PITSTOP_VAR"]) / "launcher.log"
    with log.open("w") as output:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "tooling.launch"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            preexec_fn=dying_with_parent(signal.SIGTERM),
        )
    try:
        _until(
            lambda: "ready at" in log.read_text() or launcher.poll() is not None,
            UP_WITHIN_S,
            "Pitstop is ready",
        )
        if launcher.poll() is not None:
            raise SceneError(f"Pitstop did not start: {log.read_text()}")
    except SceneError:
        _stop(launcher)
        raise
    return launcher


def _stop(launcher: subprocess.Popen[str]) -> None:
    launcher.terminate()
    try:
        launcher.wait(DOWN_WITHIN_S)
    except subprocess.TimeoutExpired:
        launcher.kill()
        launcher.wait()
        raise SceneError("Pitstop did not stop when it was told to") from None


# ---- what happens ----------------------------------------------------------------------------------------------------


def _play(url: str, environment: dict[str, str]) -> Scene:
    """Three runs over three clusters and a live patch, each left where a picture is worth taking."""
    who = Scene(url, "").post("auth/token/", {"username": "operator", "password": PASSWORD})
    scene = Scene(url, who["token"])
    _until(lambda: len(scene.get("hosts/")["results"]) >= 10, SCENE_WITHIN_S, "the cloud has been read")
    clusters = {cluster["name"]: cluster for cluster in scene.get("clusters/")["results"]}
    hosts = {_short(host["name"]): host for host in scene.get("hosts/")["results"]}
    _manage(
        environment,
        ("lab", "config", "set", "time_scale", "5"),
        ("lab", "hook", hosts["711-kvm4"]["name"], "Maintenance", FAILS),
        ("lab", "hook", hosts["711-kvm1"]["name"], "Maintenance", WORKS),
        ("payload", "make-demo", PAYLOAD, "--publish"),
    )
    _until(lambda: _patchable(scene, ROUTER), SCENE_WITHIN_S, f"an update for {ROUTER} is offered")
    vms = {vm["name"]: vm["id"] for vm in scene.get("system-vms/")["results"]}

    def start(**asked: Any) -> str:
        return str(scene.post("rolling-maintenances/", asked)["id"])

    kernel = {"reason": "Kernel of November", "payload": "6.1.0-28"}
    some = [hosts["714-kvm1"]["id"], hosts["714-kvm3"]["id"]]
    runs = {
        "done": start(hosts=some, ticket="CHG-1041", **kernel),
        "paused": start(clusters=[clusters["p1-c2"]["id"]], ticket="CHG-1042", **kernel),
        "works": start(clusters=[clusters["p1-c1"]["id"]], reason="Firmware of the network cards"),
    }
    patch = {
        "system_vms": [vms[ROUTER]],
        "throttle": {"soak_s": 2},
        "reason": "An advisory",
        "ticket": "CHG-1043",
    }
    patched = str(scene.post("live-patches/", patch)["id"])
    networks = {network["name"]: network["id"] for network in scene.get("networks/")["results"]}
    restarted = str(scene.post(f"networks/{networks[REPLACED_OF]}/restart/", {"cleanup": True})["id"])
    _until_run(scene, runs["done"], "Succeeded")
    _until_run(scene, runs["paused"], "Paused")
    _until(lambda: _prints(scene, runs["works"]), SCENE_WITHIN_S, "the third run's script prints")
    _until_run(scene, patched, "Succeeded")
    _until_run(scene, restarted, "Succeeded")
    scene.ids.update(
        run=runs["works"], paused=runs["paused"], done=runs["done"],
        cluster=clusters["p1-c1"]["id"], zone=clusters["p1-c1"]["zoneid"], pod=clusters["p1-c1"]["podid"],
        idle=clusters["p2-c1"]["id"],
        host=hosts["711-kvm1"]["id"], failed=hosts["711-kvm4"]["id"], free=hosts["711-kvm3"]["id"],
        system_vm=vms[BEHIND], patched_vm=vms[ROUTER], patched=patched,
        restarted=restarted, network=networks[OTHER],
    )  # fmt: skip
    return scene


def _until_run(scene: Scene, run: str, state: str) -> None:
    def told() -> dict[str, Any]:
        return dict(scene.get(f"rolling-maintenances/{run}/"))

    _until(
        lambda: told()["state"] == state, SCENE_WITHIN_S, f"the run is {state}; it is", lambda: str(told())
    )


def _prints(scene: Scene, run: str) -> bool:
    stages = [
        stage for host in scene.get(f"rolling-maintenances/{run}/")["hosts"] for stage in host["stages"]
    ]
    return any(stage["stage"] == "Maintenance" and stage["output"].count("\n") > 2 for stage in stages)


def _patchable(scene: Scene, name: str) -> bool:
    """It was probed, and is behind what is published."""
    return any(vm["name"] == name and vm["update"]["possible"] for vm in scene.get("system-vms/")["results"])


def _manage(environment: dict[str, str], *commands: tuple[str, ...]) -> None:
    """Each `manage.py …`, side by side; of a hook, the last word is the script. Raises: SceneError."""
    begun = []
    for words in commands:
        is_hook = words[1] == "hook"
        arguments = [*words[:-1], "-"] if is_hook else list(words)
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        begun.append((process, words[-1] if is_hook else ""))
    for process, script in begun:
        said, _ = process.communicate(script, timeout=SCENE_WITHIN_S)
        if process.returncode:
            raise SceneError(said)


def _short(name: str) -> str:
    """711-kvm1 of ref-trl-711-k-M7-apanic-kvm1."""
    return f"{name.split('-')[2]}-{name.rpartition('-')[2]}"


def _until(
    condition: Callable[[], bool], within_s: float, what: str, instead: Callable[[], str] = lambda: ""
) -> None:
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            raise SceneError(f"not within {within_s:.0f} s: {what} {instead()}")
        time.sleep(0.2)
