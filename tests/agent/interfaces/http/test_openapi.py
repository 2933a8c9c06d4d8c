"""The OpenAPI document is complete, and the server answers valid and invalid requests as it says."""

import json
import re
import subprocess
import sys
from pathlib import Path

from notthat.agent import Studio
from notthat.agent.interfaces.http import ServerConfig, create_app

OPENAPI = Path(__file__).parents[4] / "benchmarks" / "openapi.py"


def test_every_check_of_schemathesis_passes() -> None:
    command = [sys.executable, str(OPENAPI), "--examples", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "Tested: 66" in done.stdout


def test_every_schema_that_the_document_refers_to_is_in_it(studio: Studio) -> None:
    document = create_app(studio, ServerConfig(models=("stub",))).openapi()
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert references - set(document["components"]["schemas"]) == set()
