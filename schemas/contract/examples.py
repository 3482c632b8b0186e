"""Add an example to each body, answer, error and event of the OpenAPI document, based on its schema.

A field's example depends on its name, otherwise on its schema. `BODIES` contains complete bodies that need a better
example. A test validates every example against its schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]
JSON: Final = "application/json"
_ADDRESS, _OTHER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_HASH: Final = "0x" + "5c504ed4" * 8
_RANDOM: Final = "ktcrp2zlx5ymqif3rf7dmeqr"
_TIME: Final = "2030-01-31T12:00:00Z"
# By name; the first example that the schema allows is used.
FIELDS: Final[Mapping[str, tuple[Any, ...]]] = {
    "address": (_ADDRESS,),
    "amount": ("1.5", "1500000000000000000"),
    "available": ("1.5",),
    "reserved": ("0",),
    "settled": ("0",),
    "approval_above": ("1000000000000000000",),
    "approved_by": (f"usr_{_RANDOM}",),
    "approver": (f"usr_{_RANDOM}",),
    "approval": (f"usr_{_RANDOM}",),
    "allowed_recipient": (_OTHER,),
    "allowed_contract": (_OTHER,),
    "allowed_selector": ("0xa9059cbb",),
    "primary_type": ("Order",),
    "asset": ("native",),
    "max_per_transaction": ("1000000000000000000",),
    "max_per_day": ("5000000000000000000",),
    "max_fee_per_day": ("100000000000000000",),
    "balance": ("1500000000000000000", "1.5"),
    "formatted": ("1.5",),
    "block_number": (19_000_000,),
    "chain": ("ethereum",),
    "chain_id": (1,),
    "contract_address": (_ADDRESS,),
    "contract": (_OTHER,),
    "token_address": (_OTHER,),
    "token_id": ("1",),
    "source": ("//wallet/place_order",),
    "note": ("gift",),
    "reason": ("no longer wanted",),
    "next_cursor": ("eyJhZnRlciI6…",),
    "causation_id": ("import-4711",),
    "scope": ("order:read",),
    "permission": ("order:read",),
    "role": ("user",),
    "event_type": ("order.completed",),
    "description": ("of the shop",),
    "topic": ("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",),
    "private_key": ("0x" + "11" * 32,),
    "public_key": ("0x04" + "22" * 64,),
    "raw": ("0x",),
    "threshold": ("100000000000000000",),
    "code": ("123456",),
    "confirmations": (12,),
    "currency": ("ETH",),
    "cursor": ("eyJhZnRlciI6…",),
    "data": ("0x",),
    "decimals": (18,),
    "derivation_path": ("m/44'/60'/0'/0/0",),
    "path": ("m/44'/60'/0'/0/0",),
    "email": ("ada@example.com",),
    "from": (_ADDRESS, _TIME),
    "gas": (21_000,),
    "gas_used": (21_000,),
    "gas_price": ("20000000000",),
    "effective_gas_price": ("20000000000",),
    "hash": (_HASH,),
    "block_hash": (_HASH,),
    "max_fee_per_gas": ("30000000000",),
    "max_priority_fee_per_gas": ("1000000000",),
    "message": ("Hello!",),
    "method": ("balanceOf",),
    "mnemonic": ("test test test test test test test test test test test junk",),
    "min_amount": ("0.1",),
    "name": ("till",),
    "nonce": (7,),
    "passphrase": ("a passphrase of ones own",),
    "password": ("correct horse battery staple",),
    "price": ("0.25",),
    "product_id": ("sku-1",),
    "product_name": ("Notebook",),
    "quantity": (2,),
    "total": ("0.5",),
    "sequence": (3,),
    "signature": ("0x" + "1b" * 65,),
    "strength": (128,),
    "subject": ("ord_ktcrp2zlx5ymqif3rf7dmeqr",),
    "symbol": ("ETH",),
    "to": (_OTHER, _TIME),
    "token": ("eyJhbGciOiJFUzI1NiJ9…",),
    "refresh_token": ("r1.eyJ…",),
    "doc_url": ("/docs/errors.html#NOT_FOUND",),
    "url": ("https://shop.example.com/webhooks",),
    "value": ("1000000000000000000",),
    "version": (3,),
}
_PREFIXES: Final[Mapping[str, str]] = {
    "user": "usr",
    "wallet": "wal",
    "supply": "sup",
    "order": "ord",
    "claim": "clm",
    "transaction": "txn",
    "contract": "ctr",
    "event": "evt",
    "request": "req",
    "session": "ses",
    "api_key": "key",  # pragma: allowlist secret
    "allocation": "alc",
    "webhook": "whk",
    "delivery": "dlv",
    "dead_letter": "dlq",
    "passkey": "psk",
}
_TYPES: Final[Mapping[str, Any]] = {
    "string": "text",
    "integer": 1,
    "number": 1,
    "boolean": False,
    "null": None,
}


def added(document: dict[str, Any]) -> dict[str, Any]:
    """The document with an example next to each schema of a body, an answer or an event."""
    maker = _Maker(document["components"]["schemas"])
    shared: dict[str, Any] = {}
    for entry in _entries(document):
        for media in _media(entry):
            schema = media.get("schema", {})
            if "$ref" in schema:  # most answers use few models
                name = schema["$ref"].rpartition("/")[2]
                shared[name] = {"value": maker.example(schema)}
                media["examples"] = {name: {"$ref": f"#/components/examples/{name}"}}
            elif schema:
                media["example"] = maker.example(schema)
    document["components"]["examples"] = shared
    for response in document["components"]["responses"].values():
        code = next(iter(response["x-codes"].items()), ("REFUSED", "It is refused."))
        response["content"][JSON]["example"] = _error(*code)
    return document


def _error(code: str, message: str) -> dict[str, Any]:
    others: dict[str, Any] = {"details": [], "data": {}, "request_id": f"req_{_RANDOM}"}
    return {"error": {"code": code, "message": message, **others, "doc_url": f"/docs/errors.html#{code}"}}


def _entries(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for kind in ("paths", "webhooks"):
        for methods in document.get(kind, {}).values():
            yield from methods.values()


def _media(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for holder in (entry.get("requestBody", {}), *entry["responses"].values()):
        if JSON in holder.get("content", {}):
            yield holder["content"][JSON]


class _Maker:
    """Creates examples for schemas. Examples of models depend on the model's name, so that `id` has the right kind."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas

    def example(self, schema: Schema, name: str = "", model: str = "") -> Any:
        if "$ref" in schema:
            model = schema["$ref"].rpartition("/")[2]
            return BODIES.get(model) or self.example(self._schemas[model], name, model)
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        if kind := schema.keys() & {"allOf", "anyOf", "oneOf"}:
            return self._combined(schema[kind.pop()], name, model, all_of="allOf" in schema)
        if schema.get("type") == "object" or "properties" in schema:
            return self._object(schema, model)
        if schema.get("type") == "array":
            least = max(schema.get("minItems", 1), 0)
            singular = name.removesuffix("s")
            return [self.example(schema.get("items", {}), singular, model)] * max(least, 1)
        return self._scalar(schema, name, model)

    def _combined(self, parts: list[Schema], name: str, model: str, *, all_of: bool) -> Any:
        """An example of all parts combined; of alternatives, preferably one that is not null."""
        if all_of:
            merged = [self.example(part, name, model) for part in parts]
            return {key: value for part in merged for key, value in part.items()}
        some = [one for one in parts if one.get("type") != "null"]
        return self.example(some[0], name, model) if some else None

    def _object(self, schema: Schema, model: str) -> dict[str, Any]:
        """An object's example: an answer contains all fields, a request only the required ones."""
        required = schema.get("required", [])
        is_request = schema.get("additionalProperties") is False
        return {
            name: self.example(one, name, model)
            for name, one in schema.get("properties", {}).items()
            if name in required or not is_request
        }

    def _scalar(self, schema: Schema, name: str, model: str) -> Any:
        kind = schema.get("type", "string")
        named = _named(name, model) if kind == "string" else None
        for value in (*FIELDS.get(name, ()), named):
            if value is not None and fits(schema, value):
                return value
        if kind == "string":
            return next((one for one in _texts(schema) if fits(schema, one)), "text")
        return max(schema.get("minimum", 0), _TYPES[kind]) if kind in ("integer", "number") else _TYPES[kind]


def _named(name: str, model: str) -> str | None:
    """An example id of the right kind."""
    if name == "id":
        words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in model).strip("_")
        kind = next((kind for kind in _PREFIXES if words.endswith(kind)), None)
        return f"{_PREFIXES[kind]}_{_RANDOM}" if kind else f"id_{_RANDOM}"
    if name.endswith("_id"):
        return f"{_PREFIXES.get(name.removesuffix('_id'), 'id')}_{_RANDOM}"
    return None


def _texts(schema: Schema) -> tuple[str, ...]:
    """Example strings for a format; the first that the schema allows is used."""
    if schema.get("format") == "date-time":
        return (_TIME,)
    length = int(schema.get("minLength", 0))
    return ("text", _ADDRESS, "0x", _HASH, "1", "1.5", "ethereum", "text" * (length // 4 + 1), "123456")


def fits(schema: Schema, value: Any) -> bool:
    """Whether a scalar's schema allows the value, by the keywords that our schemas use for scalars."""
    if isinstance(value, int):
        in_range = schema.get("minimum", value) <= value <= schema.get("maximum", value)
        return schema.get("type") in ("integer", "number") and in_range
    if not isinstance(value, str) or schema.get("type", "string") != "string":
        return False
    if (schema.get("format") == "date-time") is not (value == _TIME):
        return False
    long_enough = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
    return long_enough and re.search(schema.get("pattern", ""), value) is not None


# Complete bodies that show more than their schema would produce.
BODIES: Final[Mapping[str, Any]] = {
    "PlaceOrder": {
        "currency": "ETH",
        "items": [{"product_id": "sku-1", "product_name": "Notebook", "price": "0.25", "quantity": 2}],
        "note": "gift",
    },
    "ImportWallet": {
        "name": "till",
        "private_key": "0x" + "11" * 32,
    },
    "CreateWallet": {"name": "payout", "type": "hd"},
    "CreateSupply": {"currency": "ETH", "amount": "2"},
    "SendTransaction": {"to": _OTHER, "value": "1000000000000000000", "speed": "average"},
    "TransactionCall": {"to": _OTHER, "value": "1000000000000000000"},
    "Failure": {"code": "REVERTED", "message": "The chain refused what it does."},
    "CreateApiKey": {"name": "shop", "scopes": ["order:read", "order:write"]},
}
