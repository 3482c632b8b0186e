"""What clients are generated from the OpenAPI document: the SDKs' models and operations, the Postman collection."""
