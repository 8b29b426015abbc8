"""The log: one JSON object a line whatever is written, and no secret in it."""

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

import pytest
import structlog

from dashboard.logs import configure


@dataclass
class Written:
    """What the log holds so far."""

    stderr: StringIO

    def lines(self) -> list[str]:
        return self.stderr.getvalue().removesuffix("\n").split("\n")

    def __call__(self) -> list[dict]:
        return [json.loads(line) for line in self.lines()]


@pytest.fixture
def written(monkeypatch) -> Iterator[Written]:
    before = logging.root.handlers[:]
    stderr = StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    configure({"level": "INFO"})
    yield Written(stderr)
    monkeypatch.undo()
    configure({"level": "INFO"})
    logging.root.handlers = before


def test_our_lines_and_those_of_libraries_have_one_form(written):
    structlog.get_logger("pitstop.x").info("host read", host="kvm5", age_s=1.5)
    logging.getLogger("library").warning("%s of %s", 1, 2)
    ours, theirs = written()
    assert {k: ours[k] for k in ("event", "level", "logger", "host", "age_s")} == {
        "event": "host read",
        "level": "info",
        "logger": "pitstop.x",
        "host": "kvm5",
        "age_s": 1.5,
    }
    assert (theirs["event"], theirs["level"]) == ("1 of 2", "warning")
    assert ours["timestamp"].endswith("Z")


def test_what_a_host_says_can_neither_forge_a_line_nor_steer_a_terminal(written):
    text = 'x\r\n{"event": "run finished"}\n\x1b[2J\x9b31m\u202e\x00\x7f'
    structlog.get_logger("pitstop.x").warning(text, host=text)
    (line,) = written.lines()
    assert all(" " <= character <= "~" for character in line)
    assert json.loads(line)["host"] == text


def test_the_request_is_named_in_every_line_of_it(written):
    structlog.contextvars.bind_contextvars(request_id="r-1")
    logging.getLogger("library").info("deep inside")
    structlog.contextvars.clear_contextvars()
    assert written()[0]["request_id"] == "r-1"


SECRET = "s3cr3t-c4n4ry-0123456789"


@pytest.mark.parametrize(
    "say",
    [
        lambda log: log.info("x", password=SECRET),
        lambda log: log.info("x", api_key=SECRET),
        lambda log: log.info("x", headers={"Authorization": f"Token {SECRET}", "Cookie": SECRET}),
        lambda log: log.info("x", tried=[{"secret": SECRET}]),
        lambda log: log.info(f"connecting to postgresql://pitstop:{SECRET}@db/pitstop"),
        lambda log: log.info(f"sent Authorization: Token {SECRET}"),
        lambda log: log.info(f"Bearer {SECRET}"),
        lambda log: log.info(f"host=db password={SECRET} dbname=pitstop"),
        lambda log: log.info(f'{{"token": "{SECRET}"}}'),
        lambda log: log.info(f"Cookie: pitstop-sid={SECRET}; a=b"),
        lambda log: log.info("x", url=f"https://user:{SECRET}@example.org/?apiKey={SECRET}"),
    ],
)
def test_no_secret_gets_into_it(written, say):
    say(structlog.get_logger("pitstop.x"))
    assert SECRET not in json.dumps(written())


def test_a_failure_is_one_line_with_its_traceback(written):
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("library").exception("it failed")
    (line,) = written()
    assert "ValueError: two\nlines" in line["exception"]


def test_a_flood_in_one_value_is_cut(written):
    structlog.get_logger("pitstop.x").info("x", output="y" * 1_000_000)
    assert len(written()[0]["output"]) < 9_000
