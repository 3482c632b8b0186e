-- What owners note on their resources, and where a list finds it.

ALTER TABLE supplies ADD COLUMN metadata STRING(MAX);

ALTER TABLE orders ADD COLUMN metadata STRING(MAX);

ALTER TABLE wallets ADD COLUMN metadata STRING(MAX);

ALTER INDEX wallets_active ADD STORED COLUMN metadata;

ALTER TABLE transactions ADD COLUMN metadata STRING(MAX);

ALTER TABLE contracts ADD COLUMN metadata STRING(MAX);

CREATE TABLE metadata_entries (
  user_id STRING(64) NOT NULL,
  kind STRING(32) NOT NULL,
  entry STRING(600) NOT NULL,
  created_at TIMESTAMP NOT NULL,
  resource_id STRING(64) NOT NULL
) PRIMARY KEY (user_id, kind, entry, created_at DESC, resource_id);
