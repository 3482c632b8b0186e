-- Operators' lists over all users: by status and newest first, each spread over four shards.

ALTER TABLE orders ADD COLUMN list_shard INT64 AS (MOD(ABS(MOD(FARM_FINGERPRINT(order_id), 4)), 4)) STORED;

CREATE INDEX orders_by_status ON orders (list_shard, status, created_at DESC, order_id) STORING (chain, currency);

ALTER TABLE claims ADD COLUMN list_shard INT64 AS (MOD(ABS(MOD(FARM_FINGERPRINT(claim_id), 4)), 4)) STORED;

CREATE INDEX claims_by_status ON claims (list_shard, status, created_at DESC, claim_id) STORING (chain, currency);

ALTER TABLE supplies ADD COLUMN list_shard INT64 AS (MOD(ABS(MOD(FARM_FINGERPRINT(supply_id), 4)), 4)) STORED;

CREATE INDEX supplies_by_status ON supplies (list_shard, status, created_at DESC, supply_id) STORING (chain, currency);

ALTER TABLE transactions ADD COLUMN list_shard INT64 AS (MOD(ABS(MOD(FARM_FINGERPRINT(transaction_id), 4)), 4)) STORED;

CREATE INDEX transactions_by_state ON transactions (list_shard, state, created_at DESC, transaction_id) STORING (chain, wallet_id, blocked_reason);

ALTER TABLE wallets ADD COLUMN list_shard INT64 AS (MOD(ABS(MOD(FARM_FINGERPRINT(id), 4)), 4)) STORED;

CREATE INDEX wallets_by_time ON wallets (list_shard, created_at DESC, id) STORING (chain, type, status);

CREATE NULL_FILTERED INDEX lanes_paused ON lanes (paused_reason, id);
