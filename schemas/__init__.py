"""What crosses a border: pydantic models, the Spanner schema, and the generated catalog and OpenAPI."""
