"""The routes under `/api`, `/healthz`, `/readyz` and `/metrics`."""
