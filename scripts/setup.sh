# Makes the environment in .venv, or checks in a second that it is as uv.lock says.
# Sourced by the other scripts; needs only Python 3.11 or newer and git.
# shellcheck shell=bash

cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=""
for candidate in python3 python python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$(command -v "$candidate")
        break
    fi
done
if [ -z "$python" ]; then
    echo "graphrec needs Python 3.11 or newer; install it and run this again" >&2
    exit 1
fi

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    uv=.venv-uv/bin/uv
    wanted=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' scripts/uv.txt)
    if [ "$("$uv" --version 2>/dev/null | cut -d ' ' -f 2)" != "$wanted" ]; then
        echo "uv is not installed: putting uv $wanted into .venv-uv, checked by its hash" >&2
        "$python" -m venv .venv-uv
        .venv-uv/bin/python -m pip install --quiet --disable-pip-version-check \
            --require-hashes --only-binary :all: --requirement scripts/uv.txt
    fi
fi

"$uv" sync --locked --all-extras --quiet --python "$python"
export PATH="$PWD/.venv/bin:$PATH"

# Modules are compiled once, and where the environment forbids it too: importing torch takes twice
# as long without, and the tests do it in dozens of processes. Nothing is written beside the sources.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="$PWD/.venv/pycache"
