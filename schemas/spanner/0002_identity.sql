-- Identity and custody beyond the core: sign-ins, policies, accounts of one seed, deleted wallets.

ALTER TABLE users ADD COLUMN list_shard INT64 AS (MOD(ABS(MOD(FARM_FINGERPRINT(id), 4)), 4)) STORED;

CREATE INDEX users_by_time ON users (list_shard, created_at DESC, id);

CREATE UNIQUE NULL_FILTERED INDEX wallets_by_seed ON wallets (key_id, `index` DESC);

ALTER TABLE wallets ADD COLUMN disabled_shard INT64 AS (IF(status = 'disabled', MOD(ABS(MOD(FARM_FINGERPRINT(id), 4)), 4), NULL)) STORED;

CREATE NULL_FILTERED INDEX wallets_disabled ON wallets (disabled_shard, disabled_at, id) STORING (key_id);

ALTER TABLE transactions ADD COLUMN open_wallet_id STRING(64) AS (IF(finalized, NULL, wallet_id)) STORED;

CREATE NULL_FILTERED INDEX transactions_by_wallet_open ON transactions (open_wallet_id, transaction_id);

-- Rows go a day after the sign-in's end.

CREATE TABLE sessions (
  id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  family_hash BYTES(32) NOT NULL,
  current_hash BYTES(32) NOT NULL,
  generation INT64 NOT NULL,
  factors ARRAY<STRING(16)> NOT NULL,
  authenticated_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP NOT NULL,
  revoked_at TIMESTAMP,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id),
  ROW DELETION POLICY (OLDER_THAN(expires_at, INTERVAL 1 DAY));

CREATE INDEX sessions_by_user ON sessions (user_id, id);

CREATE TABLE policies (
  id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  limits STRING(MAX) NOT NULL,
  allowed_recipients STRING(MAX),
  allowed_contracts STRING(MAX),
  allowed_selectors STRING(MAX),
  approval_above STRING(80),
  paused BOOL NOT NULL,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id);

CREATE TABLE policy_spending (
  wallet_id STRING(64) NOT NULL,
  asset STRING(64) NOT NULL,
  hour INT64 NOT NULL,
  amount STRING(80) NOT NULL
) PRIMARY KEY (wallet_id, asset, hour);

CREATE TABLE second_factors (
  id STRING(64) NOT NULL,
  sealed BYTES(MAX) NOT NULL,
  master_key_id STRING(256) NOT NULL,
  confirmed_at TIMESTAMP,
  last_step INT64,
  recovery ARRAY<STRING(64)> NOT NULL,
  failures INT64 NOT NULL,
  failed_at TIMESTAMP,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id);

CREATE TABLE api_keys (
  id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  name STRING(256) NOT NULL,
  scopes ARRAY<STRING(64)> NOT NULL,
  `hash` BYTES(32) NOT NULL,
  hint STRING(32) NOT NULL,
  expires_at TIMESTAMP,
  last_used_at TIMESTAMP,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id);

CREATE INDEX api_keys_by_user ON api_keys (user_id, created_at DESC, id);

CREATE TABLE sign_in_guards (
  id STRING(64) NOT NULL,
  failures INT64 NOT NULL,
  since TIMESTAMP NOT NULL,
  trusted_until TIMESTAMP,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id),
  ROW DELETION POLICY (OLDER_THAN(updated_at, INTERVAL 40 DAY));

CREATE TABLE spent_nonces (
  id STRING(64) NOT NULL,
  expires_at TIMESTAMP NOT NULL
) PRIMARY KEY (id),
  ROW DELETION POLICY (OLDER_THAN(expires_at, INTERVAL 1 DAY));

CREATE TABLE audit_seals (
  shard INT64 NOT NULL,
  seq INT64 NOT NULL,
  since TIMESTAMP NOT NULL,
  until TIMESTAMP NOT NULL,
  `rows` INT64 NOT NULL,
  previous STRING(64) NOT NULL,
  digest STRING(64) NOT NULL,
  sealed_at TIMESTAMP NOT NULL
) PRIMARY KEY (shard, seq DESC);
