"""`make lock`: requirements/*.txt from requirements/*.in, for every platform, with hashes and without addresses."""

import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
LOWEST_PYTHON = "3.12"


def main() -> int:
    """Both locks are written, base first because dev is constrained by it. Needs uv."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        print("pitstop: make lock needs uv: pip install uv", file=sys.stderr)
        return 1
    for name in ("base", "dev"):
        lock = REQUIREMENTS / f"{name}.txt"
        options = ["--universal", "--python-version", LOWEST_PYTHON, "--generate-hashes"]
        silent = ["--quiet", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
        command = [
            uv,
            "pip",
            "compile",
            *options,
            *silent,
            f"requirements/{name}.in",
            "--output-file",
            str(lock),
        ]
        if code := subprocess.run(command, cwd=REQUIREMENTS.parent, check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
