"""gRPC in: each call becomes the request of its operation, and the reply becomes a message or a status."""
