-- What the order desk lists and watches beyond the first schema.

CREATE NULL_FILTERED INDEX orders_available ON orders (open_shard, created_at DESC, order_id)
  STORING (user_id, chain, currency, amount, decimals, expires_at);

ALTER TABLE supplies ADD COLUMN live_address STRING(64)
  AS (IF(status IN ('active', 'paused', 'exhausted'), address, NULL)) STORED;

CREATE NULL_FILTERED INDEX supplies_live ON supplies (live_address, chain, supply_id);

ALTER TABLE funds ADD COLUMN watch_shard INT64
  AS (IF(supplies > 0, MOD(ABS(MOD(FARM_FINGERPRINT(address), 16)), 16), NULL)) STORED;

CREATE NULL_FILTERED INDEX funds_watched ON funds (watch_shard, address, chain, token_address);
