"""`make check`: everything that can be said about the code without running its tests. All of it runs, then it fails."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from tooling.throw_away_postgres import ThrowAwayPostgres

PYTHON = sys.executable
# What an administrator of a real installation would set; `check --deploy` must have nothing to say about it.
PRODUCTION = {
    "PITSTOP_BASE_URL": "https://pitstop.example.org",
    "PITSTOP_BEHIND_PROXY": "1",
    "PITSTOP_DEMO": "0",
    "PITSTOP_SMTP_HOST": "mail.example.org",
}


def main() -> int:
    """0 when every check passed."""
    postgres = ThrowAwayPostgres()
    try:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("PITSTOP_")}
        plain = ours | {"PITSTOP_VAR": str(postgres.folder), "DATABASE_URL": postgres.url}
        production = plain | PRODUCTION | {"PITSTOP_SECRET_KEY": secrets.token_urlsafe(48)}
        manage = [PYTHON, "-W", "error", "manage.py"]
        passed = [
            check("lint", [PYTHON, "-m", "ruff", "check", "."], plain),
            check("format", [PYTHON, "-m", "ruff", "format", "--check", "."], plain),
            check("import rules", [PYTHON, "-m", "tooling.import_rules"], plain),
            check("tree", [PYTHON, "-m", "tooling.check_tree"], plain),
            check("migrations", [*manage, "makemigrations", "--check", "--dry-run"], plain),
            check("deployment", [*manage, "check", "--deploy", "--fail-level", "WARNING"], production),
            check("types", [PYTHON, "-m", "mypy"], plain),
        ]
    finally:
        postgres.stop()
    return 0 if all(passed) else 1


def check(name: str, command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether the command exits with 0; what it said is shown only when it does not."""
    begun = time.monotonic()
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    took_s = time.monotonic() - begun
    print(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {name} ({took_s:.1f} s)", flush=True)
    if done.returncode:
        print(done.stdout, flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
