"""Test the server against its OpenAPI document, with valid and invalid requests.

    python benchmarks/openapi.py [--examples 30] [--seed 1]

Runs schemathesis with all checks against a real server with a stub engine. Exits with 1 if a check fails.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from notthat.agent import Studio
from notthat.agent.interfaces.http import ServerConfig, create_app
from notthat.agent.interfaces.http.server import Server, open_socket, socket_url
from notthat.agent.interfaces.http.telemetry.log import Log
from notthat.agent.interpreters import OfflineInterpreter
from notthat.generation import StubEngine
from notthat.storage import Store

HOOKS = """
import schemathesis

schemathesis.serializer.alias("application/zip", "application/octet-stream")
"""

CONFIG = """
hooks = "hooks.py"

[checks.positive_data_acceptance]
# 400: matches the schema but is refused; 429: the queue is full
expected-statuses = ["2xx", "304", "400", "401", "403", "404", "409", "429"]
"""


def run_schemathesis(url: str, folder: Path, arguments: list[str]) -> int:
    """Run schemathesis; returns its exit code."""
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG, encoding="utf-8")
    (folder / "hooks.py").write_text(HOOKS, encoding="utf-8")
    command = [Path(sys.executable).with_name("schemathesis"), "--config-file", config, "run", f"{url}/openapi.json"]
    return subprocess.run([*command, "--checks", "all", "--no-color", *arguments], check=False, cwd=folder).returncode


def main() -> int:
    """Start a server and test it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=30, help="maximum number per operation")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, (Path(name) / "log").open("w") as log:
        folder = Path(name)
        store = Store.open(home=folder / "home")
        with Studio(store, OfflineInterpreter(), model="stub", load_engine=StubEngine) as studio:
            app = create_app(studio, ServerConfig(models=("stub",), size=64, watch=0.2), log=Log(log))
            listening, ready = open_socket("127.0.0.1", 0), threading.Event()
            server = Server(app, on_ready=ready.set)
            thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
            thread.start()
            ready.wait()
            try:
                options = ["--max-examples", str(args.examples), "--seed", str(args.seed)]
                return run_schemathesis(socket_url(listening), folder, options)
            finally:
                server.should_exit = True
                thread.join()


if __name__ == "__main__":
    sys.exit(main())
