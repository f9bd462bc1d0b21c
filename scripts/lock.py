"""Write requirements*.lock: exact versions with hashes, for every platform, no host names.

Needs the package index. uv is installed into a throw-away environment, so that nothing of it stays behind.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON_VERSION_MIN = "3.11"
OPTIONS = (
    "--group=build",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-annotate",
    "--no-header",
    "--universal",
    f"--python-version={PYTHON_VERSION_MIN}",
    "--fork-strategy=fewest",
    "--upgrade",
    "--quiet",
)


def main() -> None:
    """Compile all locks; the runtime lock is bound to the versions of the dev lock (its clients pin more).

    Other trading systems, for ``make test-peers``, have a lock and an environment of their own.
    """
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        subprocess.run([f"{folder}/bin/pip", "install", "--quiet", "uv"], check=True)
        compile_any = [f"{folder}/bin/uv", "pip", "compile"]
        compile_lock = [*compile_any, "pyproject.toml", *OPTIONS]
        runtime, dev = "requirements.lock", "requirements-dev.lock"
        subprocess.run([*compile_lock, "--extra=dev", f"--output-file={dev}"], check=True, cwd=ROOT)
        subprocess.run(
            [*compile_lock, f"--constraints={dev}", f"--output-file={runtime}"], check=True, cwd=ROOT
        )
        peers = "requirements-peers.lock"
        options = [option for option in OPTIONS if not option.startswith("--group")]
        subprocess.run(
            [*compile_any, "requirements-peers.in", *options, f"--output-file={peers}"], check=True, cwd=ROOT
        )
    print(f"wrote {runtime}, {dev} and {peers}", file=sys.stderr)


if __name__ == "__main__":
    main()
