-- What the block that ended a transaction says of it: kept, because nodes prune.

CREATE TABLE receipts (
  transaction_id STRING(64) NOT NULL,
  `hash` STRING(66) NOT NULL,
  block_hash STRING(66) NOT NULL,
  success BOOL NOT NULL,
  logs STRING(MAX) NOT NULL,
  created_at TIMESTAMP NOT NULL
) PRIMARY KEY (transaction_id),
  INTERLEAVE IN PARENT transactions ON DELETE NO ACTION;
