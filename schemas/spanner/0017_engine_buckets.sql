-- What the engine works at, by chain and bucket of lanes: what is not mined yet by its time, what is mined by its block.

ALTER TABLE transactions ADD COLUMN lane_shard INT64 AS (MOD(ABS(MOD(FARM_FINGERPRINT(lane_id), 16)), 16)) STORED;

ALTER TABLE transactions ADD COLUMN unmined_chain STRING(32)
  AS (IF(next_action_at IS NULL OR mined_block_number IS NOT NULL, NULL, chain)) STORED;

ALTER TABLE transactions ADD COLUMN block_chain STRING(32)
  AS (IF(mined_block_number IS NULL OR finalized, NULL, chain)) STORED;

ALTER TABLE transactions ADD COLUMN block_stage INT64 AS (IF(state = 'mined', 0, 1)) STORED;

CREATE NULL_FILTERED INDEX transactions_unmined ON transactions (unmined_chain, lane_shard, next_action_at, transaction_id)
  STORING (lane_id, state);

CREATE NULL_FILTERED INDEX transactions_in_blocks
  ON transactions (block_chain, lane_shard, block_stage, mined_block_number, transaction_id)
  STORING (lane_id, mined_block_hash, tenant, created_at);

CREATE NULL_FILTERED INDEX transactions_queues ON transactions (lane_shard, queued_lane_id, created_at, transaction_id);

ALTER TABLE leases ADD COLUMN block_number INT64;

ALTER TABLE leases ADD COLUMN block_hash STRING(66);
