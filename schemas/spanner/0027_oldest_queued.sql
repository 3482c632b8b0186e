-- The transactions of a chain that wait for a nonce, the oldest first, whatever their addresses: for measurements.

ALTER TABLE transactions ADD COLUMN queued_chain STRING(32) AS (IF(state = 'accepted', chain, NULL)) STORED;

CREATE NULL_FILTERED INDEX transactions_queued_by_age
  ON transactions (queued_chain, list_shard, created_at, transaction_id);
