-- The index of contracts' events and of deposits, made block by block. Addresses and hashes are lower case.

CREATE TABLE chain_indexes (
  chain STRING(32) NOT NULL,
  number INT64 NOT NULL,
  `hash` STRING(66) NOT NULL,
  first_number INT64 NOT NULL,
  final_number INT64 NOT NULL,
  head INT64 NOT NULL,
  fault STRING(32),
  version INT64 NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (chain);

CREATE TABLE indexed_blocks (
  chain STRING(32) NOT NULL,
  number INT64 NOT NULL,
  `hash` STRING(66) NOT NULL
) PRIMARY KEY (chain, number);

CREATE TABLE followed_addresses (
  chain STRING(32) NOT NULL,
  address STRING(42) NOT NULL,
  live BOOL NOT NULL,
  work STRING(8),
  from_block INT64 NOT NULL,
  filled_to INT64 NOT NULL,
  fill_until INT64 NOT NULL,
  gap_block INT64,
  fault STRING(32)
) PRIMARY KEY (chain, address);

CREATE NULL_FILTERED INDEX followed_addresses_work ON followed_addresses (chain, work, address);

CREATE TABLE follows (
  id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  chain STRING(32) NOT NULL,
  address STRING(42) NOT NULL,
  from_block INT64 NOT NULL,
  confirmations INT64 NOT NULL,
  announced BOOL NOT NULL,
  announced_address STRING(42),
  factory_event STRING(MAX),
  factory_argument STRING(256),
  factory_abi STRING(MAX),
  factory_address STRING(42),
  children INT64 NOT NULL,
  parent_id STRING(64),
  sequence INT64 NOT NULL,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id);

CREATE INDEX follows_by_place ON follows (address, chain, id);

CREATE NULL_FILTERED INDEX follows_announced ON follows (announced_address, chain, id) STORING (confirmations);

CREATE NULL_FILTERED INDEX follows_factories ON follows (factory_address, chain, id);

CREATE INDEX follows_by_owner ON follows (user_id, id);

CREATE TABLE contract_events (
  chain STRING(32) NOT NULL,
  block_hash STRING(66) NOT NULL,
  log_index INT64 NOT NULL,
  block_number INT64 NOT NULL,
  address STRING(42) NOT NULL,
  transaction_hash STRING(66) NOT NULL,
  topic0 STRING(66),
  topic1 STRING(66),
  topic2 STRING(66),
  topic3 STRING(66),
  data STRING(MAX) NOT NULL,
  data_bytes INT64 NOT NULL
) PRIMARY KEY (chain, block_hash, log_index);

CREATE INDEX contract_events_by_place ON contract_events (address, chain, block_number DESC, log_index DESC);

CREATE NULL_FILTERED INDEX contract_events_by_topic0
  ON contract_events (address, chain, topic0, block_number DESC, log_index DESC);

CREATE NULL_FILTERED INDEX contract_events_by_topic1
  ON contract_events (address, chain, topic0, topic1, block_number DESC, log_index DESC) STORING (topic2, topic3);

CREATE NULL_FILTERED INDEX contract_events_by_topic2
  ON contract_events (address, chain, topic0, topic2, block_number DESC, log_index DESC) STORING (topic3);

CREATE NULL_FILTERED INDEX contract_events_by_topic3
  ON contract_events (address, chain, topic0, topic3, block_number DESC, log_index DESC);

CREATE TABLE event_notices (
  chain STRING(32) NOT NULL,
  block_hash STRING(66) NOT NULL,
  subject STRING(64) NOT NULL,
  block_number INT64 NOT NULL,
  due_block INT64 NOT NULL,
  due_shard INT64
) PRIMARY KEY (chain, block_hash, subject);

CREATE NULL_FILTERED INDEX event_notices_due ON event_notices (chain, due_shard, due_block, subject);

CREATE TABLE deposits (
  chain STRING(32) NOT NULL,
  block_hash STRING(66) NOT NULL,
  place INT64 NOT NULL,
  block_number INT64 NOT NULL,
  user_id STRING(64) NOT NULL,
  wallet_id STRING(64) NOT NULL,
  address STRING(64) NOT NULL,
  from_address STRING(64) NOT NULL,
  token_address STRING(64),
  amount STRING(78) NOT NULL,
  transaction_hash STRING(66) NOT NULL
) PRIMARY KEY (chain, block_hash, place, wallet_id);

CREATE INDEX deposits_by_wallet ON deposits (wallet_id, block_number DESC, place DESC);

CREATE NULL_FILTERED INDEX wallets_by_address ON wallets (active_address, chain);
