"""The log, Prometheus metrics and OpenTelemetry traces of the server."""
