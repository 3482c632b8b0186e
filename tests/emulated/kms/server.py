"""Cloud KMS in this process: the real wire protocol over gRPC, a real AES key ring and a real secp256k1 key.

It follows the documentation of Cloud KMS: checksums verified and returned, opaque non-deterministic ciphertexts that
name their key version, ECDSA with random nonces (so about half of the signatures have the larger s), NOT_FOUND,
INVALID_ARGUMENT, FAILED_PRECONDITION and PERMISSION_DENIED. Tests add keys, rotate, disable, corrupt and interrupt.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import grpc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.cloud import kms_v1
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport
from google.cloud.kms_v1.types import service as messages

from shared.keys.crc32c import crc32c

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
SERVICE = "google.cloud.kms.v1.KeyManagementService"
RING = "projects/test/locations/us/keyRings/wallets"
Algorithms = kms_v1.CryptoKeyVersion.CryptoKeyVersionAlgorithm


@dataclass
class _SymmetricKey:
    versions: dict[str, bytes] = field(default_factory=dict)
    primary: str = ""


@dataclass
class _SigningKey:
    private: ec.EllipticCurvePrivateKey
    algorithm: Any


class KmsServer:
    """`with KmsServer() as server:` — `server.client()` is a real client connected to it."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.failures: list[grpc.StatusCode] = []  # errors for the next calls, first to last
        self.corrupt: Callable[[Any], None] | None = None  # changes an answer before it is sent
        self.delay = 0.0  # seconds
        self.disabled: set[str] = set()
        self.denied: set[str] = set()
        self._symmetric: dict[str, _SymmetricKey] = {}
        self._signing: dict[str, _SigningKey] = {}
        self._server = grpc.server(ThreadPoolExecutor(8))
        handlers = {
            "Encrypt": self._handler(self._encrypt, messages.EncryptRequest, messages.EncryptResponse),
            "Decrypt": self._handler(self._decrypt, messages.DecryptRequest, messages.DecryptResponse),
            "AsymmetricSign": self._handler(
                self._sign, messages.AsymmetricSignRequest, messages.AsymmetricSignResponse
            ),
            "GetPublicKey": self._handler(self._public_key, messages.GetPublicKeyRequest, kms_v1.PublicKey),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self._port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> KmsServer:
        self._server.start()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._port}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()
        self._server.stop(None).wait()

    def client(self) -> kms_v1.KeyManagementServiceClient:
        transport = KeyManagementServiceGrpcTransport(channel=self._channel)
        return kms_v1.KeyManagementServiceClient(transport=transport)

    def add_symmetric(self, name: str = "master") -> str:
        """Add an ENCRYPT_DECRYPT key with one version; returns its resource name."""
        self._symmetric[f"{RING}/cryptoKeys/{name}"] = _SymmetricKey()
        self.rotate(f"{RING}/cryptoKeys/{name}")
        return f"{RING}/cryptoKeys/{name}"

    def rotate(self, key: str) -> str:
        """Add a primary version; older ones still decrypt."""
        versions = self._symmetric[key].versions
        version = f"{key}/cryptoKeyVersions/{len(versions) + 1}"
        versions[version] = AESGCM.generate_key(256)
        self._symmetric[key].primary = version
        return version

    def add_signing(
        self,
        name: str = "treasury",
        curve: ec.EllipticCurve | None = None,
        algorithm: Any = Algorithms.EC_SIGN_SECP256K1_SHA256,
    ) -> str:
        """Add an ASYMMETRIC_SIGN key version; returns its resource name."""
        version = f"{RING}/cryptoKeys/{name}/cryptoKeyVersions/1"
        self._signing[version] = _SigningKey(ec.generate_private_key(curve or ec.SECP256K1()), algorithm)
        return version

    def secret_of(self, version: str) -> bytes:
        """The secret that never leaves KMS, for tests that search for it elsewhere."""
        return self._signing[version].private.private_numbers().private_value.to_bytes(32, "big")

    def _handler(self, method: Callable[[Any, Any], Any], request_type: Any, response_type: Any) -> Any:
        """`method` as a gRPC handler, with the failures that tests request."""

        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls[request_type.__name__.removesuffix("Request")] += 1
            time.sleep(self.delay)
            if self.failures:
                context.abort(self.failures.pop(0), "injected")
            if request.name.partition("/cryptoKeyVersions/")[0] in self.denied:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, f"Permission denied on {request.name}")
            response = method(request, context)
            if self.corrupt is not None:
                self.corrupt(response)
            return response

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=request_type.deserialize, response_serializer=response_type.serialize
        )

    def _encrypt(self, request: Any, context: grpc.ServicerContext) -> Any:
        key = self._symmetric.get(request.name)
        if key is None:
            context.abort(NOT_FOUND, f"CryptoKey {request.name} not found.")
        self._check(context, request, "plaintext", "additional_authenticated_data")
        self._refuse_disabled(context, key.primary)
        nonce, aad = secrets.token_bytes(12), request.additional_authenticated_data
        body = nonce + AESGCM(key.versions[key.primary]).encrypt(nonce, request.plaintext, aad)
        ciphertext = b"\x0a\x24" + int(key.primary.rpartition("/")[2]).to_bytes(4, "big") + body
        return messages.EncryptResponse(
            name=key.primary,
            ciphertext=ciphertext,
            ciphertext_crc32c=crc32c(ciphertext),
            verified_plaintext_crc32c="plaintext_crc32c" in request,
            verified_additional_authenticated_data_crc32c="additional_authenticated_data_crc32c" in request,
        )

    def _decrypt(self, request: Any, context: grpc.ServicerContext) -> Any:
        key = self._symmetric.get(request.name)
        if key is None:
            context.abort(NOT_FOUND, f"CryptoKey {request.name} not found.")
        self._check(context, request, "ciphertext", "additional_authenticated_data")
        data, aad = request.ciphertext, request.additional_authenticated_data
        version = f"{request.name}/cryptoKeyVersions/{int.from_bytes(data[2:6], 'big')}"
        if version not in key.versions or data[:2] != b"\x0a\x24":
            context.abort(INVALID, "Decryption failed: the ciphertext is invalid.")
        self._refuse_disabled(context, version)
        try:
            plaintext = AESGCM(key.versions[version]).decrypt(data[6:18], data[18:], aad)
        except (InvalidTag, ValueError):
            context.abort(INVALID, "Decryption failed: verify that 'name' refers to the key.")
        return messages.DecryptResponse(
            plaintext=plaintext, plaintext_crc32c=crc32c(plaintext), used_primary=version == key.primary
        )

    def _sign(self, request: Any, context: grpc.ServicerContext) -> Any:
        key = self._signing_key(request.name, context)
        if len(request.digest.sha256) != 32:
            context.abort(INVALID, "The digest must be a SHA-256 digest.")
        if "digest_crc32c" in request and request.digest_crc32c != crc32c(request.digest.sha256):
            context.abort(INVALID, "The checksum in field digest_crc32c did not match.")
        signature = key.private.sign(request.digest.sha256, ec.ECDSA(Prehashed(hashes.SHA256())))
        return messages.AsymmetricSignResponse(
            name=request.name,
            signature=signature,
            signature_crc32c=crc32c(signature),
            verified_digest_crc32c="digest_crc32c" in request,
            protection_level=kms_v1.ProtectionLevel.HSM,
        )

    def _public_key(self, request: Any, context: grpc.ServicerContext) -> Any:
        key = self._signing_key(request.name, context)
        pem = key.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return kms_v1.PublicKey(
            name=request.name, pem=pem.decode(), pem_crc32c=crc32c(pem), algorithm=key.algorithm
        )

    def _signing_key(self, name: str, context: grpc.ServicerContext) -> _SigningKey:
        if name not in self._signing:
            context.abort(NOT_FOUND, f"CryptoKeyVersion {name} not found.")
        self._refuse_disabled(context, name)
        return self._signing[name]

    def _refuse_disabled(self, context: grpc.ServicerContext, version: str) -> None:
        if version in self.disabled:
            context.abort(PRECONDITION, f"{version} is not enabled, current state is: DISABLED.")

    @staticmethod
    def _check(context: grpc.ServicerContext, request: Any, *fields: str) -> None:
        """Verify every checksum that the client sent."""
        for name in fields:
            sent, value = f"{name}_crc32c", getattr(request, name)
            if sent in request and getattr(request, sent) != crc32c(value):
                context.abort(INVALID, f"The checksum in field {sent} did not match.")
