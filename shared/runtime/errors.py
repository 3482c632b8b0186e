"""Refusals at the edges of the system, which do not come from a domain rule.

Refusal (shared.domain.errors)
├── MalformedRequest 400      ├── Unauthenticated 401 (shared.identity)
├── Forbidden 403             ├── MethodNotAllowed 405
├── VersionMismatch 412       ├── BodyTooLarge 413
├── UnsupportedMediaType 415  ├── ValidationFailed 422
├── IdempotencyKeyRequired 400, IdempotencyKeyReused 422
└── Unready 503, Contended 503, ChainUnavailable 503, Internal 500
"""

from __future__ import annotations

from shared.domain.errors import Refusal


class MalformedRequest(Refusal):
    code, status, message = "MALFORMED_REQUEST", 400, "The body is not a JSON object."


class IdempotencyKeyRequired(Refusal):
    code, status = "IDEMPOTENCY_KEY_REQUIRED", 400
    message = "Send a header Idempotency-Key: a new value for each request, and the same to repeat one."


class IdempotencyKeyInvalid(Refusal):
    code, status = "IDEMPOTENCY_KEY_INVALID", 400
    message = "The Idempotency-Key must have 1 to 255 printable ASCII characters."


class IdempotencyKeyReused(Refusal):
    code, status = "IDEMPOTENCY_KEY_REUSED", 422
    message = "This Idempotency-Key was already used for a different request: send a new one."


class InvalidCursor(Refusal):
    code, status = "INVALID_CURSOR", 400
    message = "The cursor does not belong to this list with these filters: begin without a cursor."


class Forbidden(Refusal):
    code, status, message = "FORBIDDEN", 403, "The caller lacks the required permission."

    @classmethod
    def lacks(cls, permission: str) -> Forbidden:
        """The refusal of a caller without this permission, which is also `data.permission`."""
        return cls(f"The caller lacks the permission {permission}.", permission=permission)


class MethodNotAllowed(Refusal):
    code, status, message = "METHOD_NOT_ALLOWED", 405, "The resource does not support this method."


class VersionMismatch(Refusal):
    code, status = "VERSION_MISMATCH", 412
    message = "The resource does not have the version in If-Match: read it again."


class BodyTooLarge(Refusal):
    """`data.limit` is the largest number of bytes for the route."""

    code, status, message = "BODY_TOO_LARGE", 413, "The body is larger than this route accepts."


class UnsupportedMediaType(Refusal):
    code, status = "UNSUPPORTED_MEDIA_TYPE", 415
    message = "Send the body as JSON, with the header Content-Type: application/json."


class ValidationFailed(Refusal):
    code, status, message = "VALIDATION_FAILED", 422, "The request is not valid."


class Unready(Refusal):
    code, status, message = "UNAVAILABLE", 503, "A dependency does not answer; try again."
    retry_after = 1.0


class Contended(Refusal):
    code, status, message = "CONTENTION", 503, "Too many concurrent changes; try again."
    retry_after = 0.2


class ChainUnavailable(Refusal):
    code, status = "CHAIN_UNAVAILABLE", 503
    message = "The nodes of the chain are unavailable; try again."
    retry_after = 1.0


class Internal(Refusal):
    code, status, message = "INTERNAL", 500, "The operation failed; the request id finds it in the logs."
