"""Generate clients from the OpenAPI document: the SDKs' models and operations, the Postman collection."""
