"""What is wrong, or unwise, in a cloud's settings of agent balance, seen against its management servers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from maintenance.domain.agent_balance import Balance, Servers
from maintenance.domain.servers import ALGORITHMS


class Flaw(StrEnum):
    EMPTY = "empty"
    BAD_ALGORITHM = "bad-algorithm"
    NONE_UP = "none-up"
    UNKNOWN_ADDRESS = "unknown-address"
    NOT_UP = "not-up"
    MISSING_SERVER = "missing-server"
    DUPLICATE = "duplicate"
    ONE_ADDRESS = "one-address"
    FEWER_THAN_UP = "fewer-than-up"
    STATIC_GATHERS = "static-gathers"
    SHUFFLE = "shuffle"
    CHECK_IS_OFF = "check-is-off"


# With these no agent can be told where to go.
FATAL = frozenset({Flaw.EMPTY, Flaw.BAD_ALGORITHM, Flaw.NONE_UP})
# Worth knowing; nothing has to be done.
MILD = frozenset({Flaw.NOT_UP, Flaw.CHECK_IS_OFF})


@dataclass(frozen=True, slots=True)
class Finding:
    """`names`: the addresses or servers it is about. `words`: one sentence in English."""

    flaw: Flaw
    words: str
    names: tuple[str, ...] = ()

    @property
    def is_fatal(self) -> bool:
        return self.flaw in FATAL


def lint(balance: Balance, servers: Servers) -> tuple[Finding, ...]:
    """The worst first."""
    found = [*_hosts(balance, servers), *_algorithm(balance)]
    return tuple(sorted(found, key=lambda finding: (not finding.is_fatal, finding.flaw in MILD)))


def _hosts(balance: Balance, servers: Servers) -> Iterator[Finding]:
    addresses = balance.addresses
    if not addresses:
        yield Finding(Flaw.EMPTY, "The setting `host` names no management server: agents have nowhere to go.")
        return
    known = [servers.by_address[address] for address in addresses if address in servers.by_address]
    unknown = tuple(address for address in addresses if address not in servers.by_address)
    if unknown:
        yield Finding(
            Flaw.UNKNOWN_ADDRESS, f"No management server is known at {', '.join(unknown)}.", unknown
        )
    if not unknown and not any(server.is_up for server in known):
        yield Finding(Flaw.NONE_UP, "No management server that the setting `host` names is Up.")
    else:
        for server in known:
            if not server.is_up:
                state = server.state or "in a state nobody knows"
                yield Finding(Flaw.NOT_UP, f"{server.name} is {state}.", (server.name,))
    if missing := tuple(server.name for server in servers.up if server.address not in addresses):
        yield Finding(
            Flaw.MISSING_SERVER,
            f"{', '.join(missing)}: Up, but not in the setting `host`, so no agent is ever sent there.",
            missing,
        )
    if twice := _twice(balance):
        yield Finding(Flaw.DUPLICATE, f"There more than once: {', '.join(twice)}.", twice)
    if len(addresses) == 1:
        yield Finding(
            Flaw.ONE_ADDRESS,
            f"{addresses[0]} is the only address: all agents are on one server, and it cannot be maintained.",
            addresses,
        )
    if 1 < len(addresses) < len(servers.up):
        yield Finding(
            Flaw.FEWER_THAN_UP,
            f"{len(addresses)} addresses for {len(servers.up)} servers that are Up.",
            (str(len(addresses)), str(len(servers.up))),
        )


def _algorithm(balance: Balance) -> Iterator[Finding]:
    checks = balance.interval_s > 0 or any(balance.interval_of_cluster_s.values())
    if balance.algorithm not in ALGORITHMS:
        words = f"There is no algorithm {balance.algorithm!r}; there are {', '.join(ALGORITHMS)}."
        yield Finding(Flaw.BAD_ALGORITHM, words, (balance.algorithm,))
    if len(balance.addresses) < 2:
        return
    first = balance.addresses[0]
    if balance.algorithm == "static" and checks:
        yield Finding(
            Flaw.STATIC_GATHERS, f"With static and a check interval every agent goes to {first}.", (first,)
        )
    if balance.algorithm == "shuffle":
        yield Finding(Flaw.SHUFFLE, "shuffle is not recommended for production: nobody controls the balance.")
    if balance.algorithm == "roundrobin" and not checks:
        yield Finding(
            Flaw.CHECK_IS_OFF,
            "The check interval is 0: an agent that left its preferred server does not go back by itself.",
        )


def _twice(balance: Balance) -> tuple[str, ...]:
    mentions = Counter("".join(address.split()) for address in balance.hosts)
    return tuple(address for address, times in mentions.items() if address and times > 1)
