"""The baseline: `websockets` alone sends ready frames to all its sockets with `broadcast`, on uvloop as ours does.

    python -m bench.fan_out_bare PORT

It reads lines {"first", "rate", "seconds", "prev", "parts"} and answers each, when done, with a line: [when the frame
with the next number was given to `broadcast` (monotonic seconds), …]. `parts` is a real frame's, with {} in place of
the number.
"""

import asyncio
import json
import sys
import time
from typing import Any

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

FRAME = '{{"type":"delta","prev":{},"seq":{},"drawn":{},"parts":{}}}'


async def play(sockets: set[ServerConnection], asked: dict[str, Any]) -> list[float]:
    begun, prev = time.monotonic(), int(asked["prev"])
    sent: list[float] = []
    for turn in range(round(asked["rate"] * asked["seconds"])):
        await asyncio.sleep(max(0.0, begun + turn / asked["rate"] - time.monotonic()))
        parts = asked["parts"].replace("{}", f"{asked['first'] + turn:07d}")
        frame = FRAME.format(prev, prev + 1, prev + 1, parts)
        sent.append(time.monotonic())
        broadcast(sockets, frame)
        prev += 1
    return sent


async def main() -> None:
    sockets: set[ServerConnection] = set()

    async def stay(socket: ServerConnection) -> None:
        sockets.add(socket)
        try:
            await socket.wait_closed()
        finally:
            sockets.discard(socket)

    lines = asyncio.StreamReader(limit=1_000_000)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with serve(stay, "127.0.0.1", int(sys.argv[1]), compression=None, ping_interval=8, ping_timeout=8):
        print("[]", flush=True)  # it listens
        async for line in lines:
            print(json.dumps(await play(sockets, json.loads(line))), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
