"""Contract tools: generate the catalog, OpenAPI, the reference and the routes from the code."""
