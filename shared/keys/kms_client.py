"""Cloud KMS with one call per function: checksums in both directions, a short deadline, and our own error types.

Google asks clients to verify the CRC32C of sent and received data (cloud.google.com/kms/docs/data-integrity). A
mismatch and every transient error become VaultUnavailable (503, retry); a permanent refusal becomes KeyServiceRefused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from shared.keys.crc32c import crc32c
from shared.keys.errors import KeyServiceRefused, SealBroken, VaultUnavailable

if TYPE_CHECKING:
    from google.cloud.kms_v1 import KeyManagementServiceClient

Result = TypeVar("Result")


class KmsCalls:
    """The calls to Cloud KMS that custody needs. `deadline` is in seconds and includes retries of transient errors."""

    def __init__(self, client: KeyManagementServiceClient | None = None, deadline: float = 5.0) -> None:
        self._client = client
        self._deadline = deadline

    def encrypt(self, key: str, plaintext: bytes, context: bytes) -> tuple[str, bytes]:
        """Encrypt, bound to `context`: (name of the key version used, ciphertext). Raises VaultUnavailable,
        KeyServiceRefused."""
        request = {
            "name": key,
            "plaintext": plaintext,
            "plaintext_crc32c": crc32c(plaintext),
            "additional_authenticated_data": context,
            "additional_authenticated_data_crc32c": crc32c(context),
        }
        answer = self._call(lambda client: client.encrypt, request)
        _intact(
            answer.verified_plaintext_crc32c,
            answer.verified_additional_authenticated_data_crc32c,
            crc32c(answer.ciphertext) == answer.ciphertext_crc32c,
            answer.name.startswith(f"{key}/cryptoKeyVersions/"),
        )
        return answer.name, answer.ciphertext

    def decrypt(self, key: str, ciphertext: bytes, context: bytes) -> bytes:
        """The plaintext. Raises SealBroken if KMS says that ciphertext or context is not what was encrypted,
        VaultUnavailable, KeyServiceRefused."""
        request = {
            "name": key,
            "ciphertext": ciphertext,
            "ciphertext_crc32c": crc32c(ciphertext),
            "additional_authenticated_data": context,
            "additional_authenticated_data_crc32c": crc32c(context),
        }
        answer = self._call(lambda client: client.decrypt, request, SealBroken)
        _intact(crc32c(answer.plaintext) == answer.plaintext_crc32c)
        return bytes(answer.plaintext)

    def sign(self, key_version: str, digest: bytes) -> bytes:
        """The DER signature over a 32-byte digest. KMS takes any digest in its sha256 field, whatever its hash
        function. Raises VaultUnavailable, KeyServiceRefused."""
        request = {"name": key_version, "digest": {"sha256": digest}, "digest_crc32c": crc32c(digest)}
        answer = self._call(lambda client: client.asymmetric_sign, request)
        _intact(
            answer.verified_digest_crc32c,
            crc32c(answer.signature) == answer.signature_crc32c,
            answer.name == key_version,
        )
        return bytes(answer.signature)

    def public_key(self, key_version: str) -> str:
        """The PEM of an EC_SIGN_SECP256K1_SHA256 key version. Raises KeyServiceRefused, also for another
        algorithm, and VaultUnavailable."""
        from google.cloud.kms_v1 import CryptoKeyVersion

        answer = self._call(lambda client: client.get_public_key, {"name": key_version})
        _intact(crc32c(answer.pem.encode()) == answer.pem_crc32c, answer.name == key_version)
        if answer.algorithm != CryptoKeyVersion.CryptoKeyVersionAlgorithm.EC_SIGN_SECP256K1_SHA256:
            raise KeyServiceRefused("the treasury key is not an EC_SIGN_SECP256K1_SHA256 key")
        return str(answer.pem)

    def _call(
        self,
        method: Callable[[KeyManagementServiceClient], Callable[..., Result]],
        request: dict[str, Any],
        invalid: type[Exception] = KeyServiceRefused,
    ) -> Result:
        """Run one method with the deadline. `invalid` is raised for INVALID_ARGUMENT."""
        from google.api_core import exceptions, retry

        passing = (
            exceptions.ServiceUnavailable,
            exceptions.DeadlineExceeded,
            exceptions.ResourceExhausted,
            exceptions.InternalServerError,
            exceptions.Aborted,
            exceptions.Unknown,
            exceptions.Cancelled,
        )
        again = retry.Retry(
            predicate=retry.if_exception_type(*passing), initial=0.05, maximum=1.0, timeout=self._deadline
        )
        try:
            return method(self._connected())(request=request, timeout=self._deadline, retry=again)
        except (*passing, exceptions.RetryError):
            raise VaultUnavailable from None
        except exceptions.InvalidArgument:
            raise invalid("Cloud KMS finds the request invalid") from None
        except exceptions.GoogleAPICallError as error:
            raise KeyServiceRefused(f"Cloud KMS refuses: {type(error).__name__}") from None

    def _connected(self) -> KeyManagementServiceClient:
        if self._client is None:
            from google.cloud.kms_v1 import KeyManagementServiceClient

            self._client = KeyManagementServiceClient()
        return self._client


def _intact(*checks: bool) -> None:
    """Raises VaultUnavailable unless every checksum and name matched, because the data changed in transit."""
    if not all(checks):
        raise VaultUnavailable("The key service's answer was corrupted on the way; try again.")
