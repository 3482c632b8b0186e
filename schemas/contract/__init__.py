"""Tools of the contract: the catalog, OpenAPI, reference and routes, generated from the code."""
