-- The first schema. One statement per block, ended by a semicolon on its line's end.
-- Ids are random and lead every key; commit timestamps and sequences never do.

CREATE TABLE users (
  id STRING(64) NOT NULL,
  email STRING(320),
  address STRING(64),
  password_hash STRING(256),
  roles ARRAY<STRING(32)> NOT NULL,
  tier STRING(32) NOT NULL,
  disabled BOOL NOT NULL,
  email_verified BOOL NOT NULL,
  sessions_after TIMESTAMP,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id);

CREATE UNIQUE NULL_FILTERED INDEX users_by_email ON users (email);

CREATE UNIQUE NULL_FILTERED INDEX users_by_address ON users (address);

CREATE TABLE wallets (
  id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  name STRING(256) NOT NULL,
  chain STRING(32) NOT NULL,
  type STRING(16) NOT NULL,
  address STRING(64) NOT NULL,
  derivation_path STRING(128),
  parent_id STRING(64),
  `index` INT64,
  key_id STRING(64) NOT NULL,
  status STRING(16) NOT NULL,
  disabled_at TIMESTAMP,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  active_address STRING(64) AS (IF(status = 'active', address, NULL)) STORED
) PRIMARY KEY (id);

CREATE UNIQUE NULL_FILTERED INDEX wallets_active ON wallets (user_id, chain, active_address)
  STORING (name, type, address, derivation_path, parent_id, `index`, key_id, status, disabled_at, version, created_at, updated_at);

CREATE INDEX wallets_by_owner ON wallets (user_id, created_at DESC, id) STORING (chain, type, status);

CREATE TABLE vault_keys (
  id STRING(64) NOT NULL,
  purpose STRING(32) NOT NULL,
  sealed BYTES(MAX) NOT NULL,
  master_key_id STRING(256) NOT NULL,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id);

CREATE TABLE funds (
  chain STRING(32) NOT NULL,
  address STRING(64) NOT NULL,
  token_address STRING(64) NOT NULL,
  committed STRING(80) NOT NULL,
  in_flight STRING(80) NOT NULL,
  supplies INT64 NOT NULL,
  observed_balance STRING(80) NOT NULL,
  observed_block INT64 NOT NULL,
  settled_block INT64 NOT NULL,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (address, chain, token_address);

CREATE TABLE supplies (
  supply_id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  wallet_id STRING(64) NOT NULL,
  chain STRING(32) NOT NULL,
  address STRING(64) NOT NULL,
  currency STRING(64) NOT NULL,
  token_address STRING(64),
  decimals INT64 NOT NULL,
  amount NUMERIC NOT NULL,
  available NUMERIC NOT NULL,
  reserved NUMERIC NOT NULL,
  settled NUMERIC NOT NULL,
  status STRING(16) NOT NULL,
  reason STRING(64),
  expires_at TIMESTAMP,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  CONSTRAINT supply_adds_up CHECK (available + reserved + settled = amount),
  CONSTRAINT supply_not_negative CHECK (available >= 0 AND reserved >= 0 AND settled >= 0)
) PRIMARY KEY (supply_id);

CREATE INDEX supplies_by_owner ON supplies (user_id, created_at DESC, supply_id) STORING (chain, currency, status);

CREATE INDEX supplies_by_currency ON supplies (user_id, chain, currency, status, supply_id) STORING (available);

CREATE INDEX supplies_by_wallet ON supplies (wallet_id, supply_id) STORING (status);

CREATE TABLE ledger_entries (
  supply_id STRING(64) NOT NULL,
  supply_version INT64 NOT NULL,
  ord INT64 NOT NULL,
  verb STRING(16) NOT NULL,
  account STRING(16) NOT NULL,
  amount NUMERIC NOT NULL,
  balance_after NUMERIC NOT NULL,
  reference STRING(64),
  created_at TIMESTAMP NOT NULL
) PRIMARY KEY (supply_id, supply_version, ord),
  INTERLEAVE IN PARENT supplies ON DELETE NO ACTION;

CREATE TABLE orders (
  order_id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  chain STRING(32) NOT NULL,
  currency STRING(64) NOT NULL,
  token_address STRING(64),
  decimals INT64 NOT NULL,
  amount NUMERIC NOT NULL,
  status STRING(16) NOT NULL,
  note STRING(MAX),
  expires_at TIMESTAMP,
  claim_id STRING(64),
  claimer_id STRING(64),
  claim_epoch INT64 NOT NULL,
  lease_until TIMESTAMP,
  hidden BOOL NOT NULL,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  open_shard INT64 AS (IF(status = 'open' AND NOT hidden, MOD(ABS(MOD(FARM_FINGERPRINT(order_id), 16)), 16), NULL)) STORED
) PRIMARY KEY (order_id);

CREATE INDEX orders_by_owner ON orders (user_id, hidden, created_at DESC, order_id) STORING (status, currency);

CREATE NULL_FILTERED INDEX orders_open ON orders (open_shard, created_at, order_id) STORING (user_id, chain, currency, amount, decimals, expires_at);

CREATE TABLE order_items (
  order_id STRING(64) NOT NULL,
  line INT64 NOT NULL,
  product_id STRING(256) NOT NULL,
  product_name STRING(1024) NOT NULL,
  price NUMERIC NOT NULL,
  quantity INT64 NOT NULL,
  total NUMERIC NOT NULL
) PRIMARY KEY (order_id, line),
  INTERLEAVE IN PARENT orders ON DELETE CASCADE;

CREATE TABLE allocations (
  order_id STRING(64) NOT NULL,
  id STRING(64) NOT NULL,
  supply_id STRING(64) NOT NULL,
  wallet_id STRING(64) NOT NULL,
  amount NUMERIC NOT NULL,
  settled NUMERIC NOT NULL,
  status STRING(16) NOT NULL,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (order_id, id),
  INTERLEAVE IN PARENT orders ON DELETE CASCADE;

CREATE TABLE claims (
  claim_id STRING(64) NOT NULL,
  order_id STRING(64) NOT NULL,
  order_user_id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  wallet_id STRING(64) NOT NULL,
  recipient STRING(64) NOT NULL,
  chain STRING(32) NOT NULL,
  currency STRING(64) NOT NULL,
  token_address STRING(64),
  decimals INT64 NOT NULL,
  amount NUMERIC NOT NULL,
  status STRING(16) NOT NULL,
  reason STRING(1024),
  epoch INT64 NOT NULL,
  lease_until TIMESTAMP,
  claimed_at TIMESTAMP NOT NULL,
  processed_at TIMESTAMP,
  settlement_status STRING(16) NOT NULL,
  settlement_round INT64 NOT NULL,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  live_order_id STRING(64) AS (IF(status IN ('claimed', 'processing', 'processed', 'failed'), order_id, NULL)) STORED,
  live_user_id STRING(64) AS (IF(status = 'claimed', user_id, NULL)) STORED,
  paying_wallet_id STRING(64) AS (IF(status IN ('claimed', 'processing', 'failed'), wallet_id, NULL)) STORED
) PRIMARY KEY (claim_id);

CREATE UNIQUE NULL_FILTERED INDEX claims_live ON claims (live_order_id);

CREATE NULL_FILTERED INDEX claims_live_by_user ON claims (live_user_id, claim_id) STORING (lease_until);

CREATE NULL_FILTERED INDEX claims_by_wallet ON claims (paying_wallet_id, claim_id);

CREATE INDEX claims_by_order ON claims (order_id, created_at DESC, claim_id) STORING (status);

CREATE INDEX claims_by_user ON claims (user_id, created_at DESC, claim_id) STORING (status);

CREATE TABLE payments (
  claim_id STRING(64) NOT NULL,
  allocation_id STRING(64) NOT NULL,
  round INT64 NOT NULL,
  order_id STRING(64) NOT NULL,
  supply_id STRING(64) NOT NULL,
  wallet_id STRING(64) NOT NULL,
  transaction_id STRING(64) NOT NULL,
  amount NUMERIC NOT NULL,
  status STRING(16) NOT NULL,
  reason STRING(1024),
  finalized BOOL NOT NULL,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (claim_id, allocation_id, round),
  INTERLEAVE IN PARENT claims ON DELETE NO ACTION;

CREATE UNIQUE INDEX payments_by_transaction ON payments (transaction_id);

CREATE TABLE transactions (
  transaction_id STRING(64) NOT NULL,
  tenant STRING(64) NOT NULL,
  idem_key STRING(512) NOT NULL,
  wallet_id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  lane_id STRING(96) NOT NULL,
  chain STRING(32) NOT NULL,
  from_address STRING(64) NOT NULL,
  kind STRING(8) NOT NULL,
  `to` STRING(64),
  value STRING(80) NOT NULL,
  data BYTES(MAX) NOT NULL,
  access_list STRING(MAX),
  token_address STRING(64),
  token_recipient STRING(64),
  token_amount STRING(80),
  gas INT64 NOT NULL,
  max_fee_per_gas INT64,
  max_priority_fee_per_gas INT64,
  gas_price INT64,
  speed STRING(16),
  committed_value STRING(80) NOT NULL,
  committed_gas STRING(80) NOT NULL,
  nonce INT64,
  state STRING(16) NOT NULL,
  blocked_reason STRING(32),
  undo_state STRING(16),
  cancel_requested BOOL NOT NULL,
  attempts_wanted INT64,
  attempt_count INT64 NOT NULL,
  `hash` STRING(66),
  next_action_at TIMESTAMP,
  deadline TIMESTAMP,
  mined_attempt INT64,
  mined_block_number INT64,
  mined_block_hash STRING(66),
  gas_used INT64,
  effective_gas_price INT64,
  contract_address STRING(64),
  finalized BOOL NOT NULL,
  error STRING(64),
  error_message STRING(2048),
  claim_id STRING(64),
  allocation_id STRING(64),
  round INT64,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  due_shard INT64 AS (IF(next_action_at IS NULL, NULL, MOD(ABS(MOD(FARM_FINGERPRINT(transaction_id), 16)), 16))) STORED,
  queued_lane_id STRING(96) AS (IF(state = 'accepted', lane_id, NULL)) STORED
) PRIMARY KEY (transaction_id);

CREATE UNIQUE INDEX transactions_by_key ON transactions (tenant, idem_key);

CREATE UNIQUE NULL_FILTERED INDEX transactions_by_nonce ON transactions (lane_id, nonce);

CREATE NULL_FILTERED INDEX transactions_due ON transactions (due_shard, next_action_at, transaction_id) STORING (lane_id, chain, state);

CREATE NULL_FILTERED INDEX transactions_queued ON transactions (queued_lane_id, created_at, transaction_id);

CREATE INDEX transactions_by_owner ON transactions (user_id, created_at DESC, transaction_id) STORING (wallet_id, chain, state, blocked_reason);

CREATE TABLE attempts (
  transaction_id STRING(64) NOT NULL,
  k INT64 NOT NULL,
  kind STRING(8) NOT NULL,
  raw BYTES(MAX) NOT NULL,
  `hash` STRING(66) NOT NULL,
  max_fee_per_gas INT64,
  max_priority_fee_per_gas INT64,
  gas_price INT64,
  gas INT64 NOT NULL,
  send_count INT64 NOT NULL,
  first_sent_at TIMESTAMP,
  last_sent_at TIMESTAMP,
  last_result STRING(64),
  created_at TIMESTAMP NOT NULL
) PRIMARY KEY (transaction_id, k),
  INTERLEAVE IN PARENT transactions ON DELETE NO ACTION;

CREATE UNIQUE INDEX attempts_by_hash ON attempts (`hash`);

CREATE TABLE lanes (
  id STRING(96) NOT NULL,
  chain STRING(32) NOT NULL,
  address STRING(64) NOT NULL,
  next_nonce INT64 NOT NULL,
  chain_nonce INT64 NOT NULL,
  finalized_nonce INT64 NOT NULL,
  paused_reason STRING(32),
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id);

CREATE TABLE leases (
  name STRING(128) NOT NULL,
  owner STRING(64) NOT NULL,
  held_until TIMESTAMP NOT NULL,
  fence INT64 NOT NULL
) PRIMARY KEY (name);

CREATE TABLE timers (
  shard INT64 NOT NULL,
  due_at TIMESTAMP NOT NULL,
  kind STRING(32) NOT NULL,
  subject STRING(64) NOT NULL
) PRIMARY KEY (shard, due_at, kind, subject);

CREATE TABLE outbox (
  shard INT64 NOT NULL,
  committed_at TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true),
  ord INT64 NOT NULL,
  id STRING(64) NOT NULL,
  topic STRING(64) NOT NULL,
  envelope STRING(MAX) NOT NULL,
  failures INT64 NOT NULL
) PRIMARY KEY (shard, committed_at, ord, id);

CREATE TABLE sweep_marks (
  name STRING(64) NOT NULL,
  shard INT64 NOT NULL,
  mark TIMESTAMP NOT NULL,
  full_scan_at TIMESTAMP NOT NULL
) PRIMARY KEY (name, shard);

CREATE TABLE events (
  user_id STRING(64) NOT NULL,
  committed_at TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true),
  ord INT64 NOT NULL,
  id STRING(64) NOT NULL,
  type STRING(64) NOT NULL,
  subject STRING(64) NOT NULL,
  envelope STRING(MAX) NOT NULL
) PRIMARY KEY (user_id, committed_at, ord, id),
  ROW DELETION POLICY (OLDER_THAN(committed_at, INTERVAL 30 DAY));

CREATE TABLE inbox (
  consumer STRING(64) NOT NULL,
  event_id STRING(255) NOT NULL,
  received_at TIMESTAMP NOT NULL
) PRIMARY KEY (event_id, consumer),
  ROW DELETION POLICY (OLDER_THAN(received_at, INTERVAL 30 DAY));

CREATE TABLE operations (
  principal STRING(64) NOT NULL,
  key STRING(255) NOT NULL,
  operation STRING(32) NOT NULL,
  fingerprint STRING(64) NOT NULL,
  status INT64 NOT NULL,
  etag STRING(32),
  body STRING(MAX) NOT NULL,
  created_at TIMESTAMP NOT NULL
) PRIMARY KEY (principal, key),
  ROW DELETION POLICY (OLDER_THAN(created_at, INTERVAL 3 DAY));

CREATE TABLE audit (
  shard INT64 NOT NULL,
  committed_at TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true),
  id STRING(64) NOT NULL,
  actor STRING(64) NOT NULL,
  action STRING(32) NOT NULL,
  resource STRING(64),
  request_id STRING(128) NOT NULL,
  causation_id STRING(255),
  events STRING(MAX) NOT NULL,
  happened_at TIMESTAMP NOT NULL
) PRIMARY KEY (shard, committed_at DESC, id);

CREATE TABLE dead_letters (
  id STRING(64) NOT NULL,
  consumer STRING(64) NOT NULL,
  topic STRING(64) NOT NULL,
  reason STRING(1024) NOT NULL,
  body STRING(MAX) NOT NULL,
  attributes STRING(MAX) NOT NULL,
  status STRING(16) NOT NULL,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id);

CREATE INDEX dead_letters_by_time ON dead_letters (status, created_at DESC, id);
