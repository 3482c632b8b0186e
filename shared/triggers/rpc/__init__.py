"""gRPC: each call becomes a request of its operation, and the reply becomes a message or a status."""
