#!/bin/sh
# Finds a Python ≥ 3.12 and hands over to tooling/prepare.py, which makes .venv and runs MODULE in it.
# Usage: sh tooling/with_python.sh base|dev MODULE [ARGUMENT...]
cd "$(dirname "$0")/.." || exit 1

serves() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

hand_over() {
    python=$1
    shift
    exec "$python" tooling/prepare.py "$@"
}

if serves .venv/bin/python && .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    hand_over .venv/bin/python "$@"
fi
# .python-version makes pyenv's and uv's shims resolve; the rest is for machines where no shim is in PATH.
for python in python3.13 python3.12 python3.14 python3 python \
    "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.1[2-9]*/bin/python3 \
    "${UV_PYTHON_INSTALL_DIR:-${HOME:-}/.local/share/uv/python}"/cpython-3.1[2-9]*/bin/python3; do
    if serves "$python"; then
        hand_over "$python" "$@"
    fi
done
if command -v uv >/dev/null 2>&1; then
    uv python find '>=3.12' >/dev/null 2>&1 || uv python install --quiet 3.13 >/dev/null 2>&1
    python=$(uv python find '>=3.12' 2>/dev/null)
    if serves "$python"; then
        hand_over "$python" "$@"
    fi
fi
echo "pitstop: no Python 3.12 or newer with venv was found in PATH, pyenv or uv;" \
    "install one (Debian: python3 and python3-venv; anywhere: uv python install 3.13) and start again" >&2
exit 1
