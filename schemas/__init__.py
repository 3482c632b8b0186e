"""Models of requests, answers and events; the Spanner schema; the generated catalog and OpenAPI."""
