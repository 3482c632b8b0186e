-- Contracts that users have deployed or imported.

CREATE TABLE contracts (
  id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  name STRING(256) NOT NULL,
  chain STRING(32) NOT NULL,
  type STRING(16) NOT NULL,
  address STRING(64),
  abi STRING(MAX) NOT NULL,
  status STRING(16) NOT NULL,
  transaction_id STRING(64),
  foretold BOOL NOT NULL,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id);

CREATE INDEX contracts_by_owner ON contracts (user_id, created_at DESC, id) STORING (chain, type, status);

CREATE NULL_FILTERED INDEX contracts_by_address ON contracts (address, chain, user_id, id);

CREATE UNIQUE NULL_FILTERED INDEX contracts_by_transaction ON contracts (transaction_id);
