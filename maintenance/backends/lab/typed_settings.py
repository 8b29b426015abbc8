"""`lab config …` and `lab agents`, as a person types them."""

from argparse import Namespace
from collections.abc import Iterable
from typing import Any

from maintenance.backends.lab import show, steering
from maintenance.backends.lab.agents import by_hand
from maintenance.backends.lab.config import ALSO_CALLED, UnknownSetting, as_typed
from maintenance.backends.lab.world import World


def add_arguments(actions: Any) -> None:
    """`lab config …` and `lab agents`."""
    parser = actions.add_parser("config", help="how long things take in the lab")
    settings = parser.add_subparsers(dest="config_action", required=True)
    settings.add_parser("list", aliases=["show"])
    one = settings.add_parser("get")
    one.add_argument("name")
    change = settings.add_parser("set")
    change.add_argument("name")
    change.add_argument("value")
    change.add_argument("--cluster", help="of an interval: this cluster's own; value `none` removes it")
    parser.set_defaults(act=_config)
    agents = actions.add_parser("agents", help="every agent: its server, its preferred one, its list")
    agents.set_defaults(act=lambda world, wanted: by_hand.show_agents(world.door, world.config))


def _config(world: World, wanted: Namespace) -> Iterable[str]:
    """The lab's own settings and CloudStack's, side by side."""
    of_agents = by_hand.settings_as_text(world.door, world.config)
    if wanted.config_action in ("list", "show"):
        return [*show.show_settings(world.config), *(f"{name} = {text}" for name, text in of_agents.items())]
    if wanted.config_action == "get":
        return [of_agents[wanted.name] if wanted.name in of_agents else _own(world, wanted.name)]
    if wanted.name not in of_agents:
        value = steering.change_setting(world.door, wanted.name, wanted.value)
        return [f"{wanted.name} = {as_typed(wanted.name, value)}"]
    by_hand.set_setting(world.door, world.config, wanted.name, wanted.value, wanted.cluster)
    cluster = f" --cluster {wanted.cluster}" if wanted.cluster else ""
    after = by_hand.settings_as_text(world.door, world.config)
    return [f"{wanted.name}{cluster} = {after.get(wanted.name + cluster, 'none')}"]


def _own(world: World, name: str) -> str:
    """Raises: UnknownSetting."""
    own = ALSO_CALLED.get(name, name)
    if not hasattr(world.config, own):
        raise UnknownSetting(f"no lab setting {name!r}; `lab config list` names them")
    return as_typed(own, getattr(world.config, own))
