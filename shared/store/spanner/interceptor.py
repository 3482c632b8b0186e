"""A gRPC interceptor for every Spanner call: it applies the request's deadline and counts round trips."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.experimental
from google.api_core.exceptions import DeadlineExceeded

from shared.runtime.context import count_call, remaining_seconds
from shared.telemetry import tracing

CALL_CAP_SECONDS = 30.0
# A read is a stream. Without this option, grpc starts a thread for each read, which costs more than the rest of the
# call.
OPTIONS = [(grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)]
OVER_SECONDS = 0.001
# Rollbacks are sent even after the request's time is over. Otherwise the transaction's locks block everybody until
# Spanner finds it idle for ten seconds.
ROLLBACK_SECONDS = 0.5


class _CallInterceptor(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    def _capped(self, details: Any) -> Any:
        count_call(details.method.rsplit("/", 1)[-1])
        left = remaining_seconds(CALL_CAP_SECONDS)
        if details.method.endswith("/Rollback"):
            left = max(left, ROLLBACK_SECONDS)
        if left <= OVER_SECONDS:  # the client retries UNAVAILABLE for half a minute, but not this error
            raise DeadlineExceeded("the request's time is over")  # type: ignore[no-untyped-call]
        return details._replace(timeout=min(details.timeout or left, left))

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        with tracing.span(f"spanner.{details.method.rsplit('/', 1)[-1]}"):
            return continuation(self._capped(details), request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._capped(details), request)


def intercepted_api(client: Any, database: Any, emulator: str | None) -> Any:
    """Build the data client that `Database.spanner_api` would build, with an intercepted channel.

    The library has no hook for interceptors, so the caller assigns the result to `_spanner_api`.
    """
    from google.cloud.spanner_v1.database import SPANNER_DATA_SCOPE
    from google.cloud.spanner_v1.services.spanner import SpannerClient
    from google.cloud.spanner_v1.services.spanner.transports.grpc import SpannerGrpcTransport

    if emulator:
        channel = grpc.insecure_channel(emulator, options=OPTIONS)
    else:
        credentials = client.credentials
        if hasattr(credentials, "with_scopes"):
            credentials = credentials.with_scopes((SPANNER_DATA_SCOPE,))
        channel = SpannerGrpcTransport.create_channel(
            "spanner.googleapis.com:443", credentials=credentials, options=OPTIONS
        )
    transport = SpannerGrpcTransport(channel=grpc.intercept_channel(channel, _CallInterceptor()))
    return SpannerClient(client_info=client._client_info, transport=transport)
