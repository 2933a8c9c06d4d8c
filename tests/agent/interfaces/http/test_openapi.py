"""The OpenAPI document is complete, and the server answers valid and invalid requests as it says."""

import json
import re
import subprocess
import sys
from pathlib import Path

from ..conftest import Running

OPENAPI = Path(__file__).parents[4] / "benchmarks" / "openapi.py"


def test_every_check_of_schemathesis_passes() -> None:
    command = [sys.executable, str(OPENAPI), "--examples", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "Tested: 72" in done.stdout


def test_every_reference_in_the_document_resolves(server: Running) -> None:
    document = server.client.get("/openapi.json").json()
    references = set(re.findall(r'"\$ref": ?"#/components/schemas/(\w+)"', json.dumps(document)))
    assert "ProblemResponse" in references
    assert references <= set(document["components"]["schemas"])
