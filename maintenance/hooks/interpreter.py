"""Whether the kernel will find a program to run a script with."""

import os
import shlex
import shutil
from pathlib import Path

SCRIPT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FIRST_LINE_MAX_BYTES = 256  # the kernel reads no more of it
ELF = b"\x7fELF"


class InterpreterMissing(Exception):
    """The script cannot be started: its first line names nothing that could run it."""


def check_interpreter(beginning: bytes) -> None:
    """Nothing, when a file with this beginning can be executed. Raises: InterpreterMissing, with why."""
    if beginning.startswith(ELF):
        return
    if not beginning.startswith(b"#!"):
        raise InterpreterMissing(
            "its first line names no interpreter (such as #!/bin/sh) and it is no program"
        )
    line = os.fsdecode(beginning[:FIRST_LINE_MAX_BYTES].split(b"\n", 1)[0][2:])
    words = line.split(maxsplit=1)
    interpreter = words[0] if words else ""
    if line.endswith("\r"):
        raise InterpreterMissing(
            f"its first line ends with CR (saved on Windows): the kernel would look for '{interpreter}\\r'"
        )
    if not interpreter:
        raise InterpreterMissing("its first line names no interpreter after #!")
    if not interpreter.startswith("/"):
        raise InterpreterMissing(f"its interpreter {interpreter} is not given with its full path")
    if not os.access(interpreter, os.X_OK) or Path(interpreter).is_dir():
        raise InterpreterMissing(f"its interpreter {interpreter} is missing or cannot be executed")
    if Path(interpreter).name == "env" and len(words) == 2:
        _check_env(words[1])


def _check_env(arguments: str) -> None:
    """`#!/usr/bin/env NAME` looks for NAME in the script's PATH."""
    try:
        words = shlex.split(arguments)
    except ValueError:
        return  # odd quotes: env itself will say what is wrong with them
    names = [word for word in words if not word.startswith("-") and "=" not in word]
    if names and shutil.which(names[0], path=SCRIPT_PATH) is None:
        raise InterpreterMissing(f"its interpreter {names[0]} is not in {SCRIPT_PATH}")
