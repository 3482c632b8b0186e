-- Webhook endpoints of users, what is delivered to them, and how far each one's lane is.

CREATE TABLE webhooks (
  id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  url STRING(2048) NOT NULL,
  event_types ARRAY<STRING(64)> NOT NULL,
  description STRING(512),
  metadata STRING(MAX) NOT NULL,
  payload STRING(8) NOT NULL,
  status STRING(16) NOT NULL,
  disabled_reason STRING(32),
  disabled_at TIMESTAMP,
  sealed BYTES(MAX) NOT NULL,
  secret_version INT64 NOT NULL,
  public_key STRING(128) NOT NULL,
  previous_sealed BYTES(MAX),
  previous_until TIMESTAMP,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id);

CREATE INDEX webhooks_by_owner ON webhooks (user_id, created_at DESC, id) STORING (status, event_types);

CREATE TABLE webhook_lanes (
  webhook_id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  shard INT64 NOT NULL,
  due_at TIMESTAMP,
  lease STRING(64),
  lease_until TIMESTAMP,
  fed_at TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true),
  fed_ord INT64 NOT NULL,
  fed_id STRING(64) NOT NULL,
  failures INT64 NOT NULL,
  failing_since TIMESTAMP,
  not_before TIMESTAMP
) PRIMARY KEY (webhook_id);

CREATE NULL_FILTERED INDEX webhook_lanes_due ON webhook_lanes (shard, due_at, webhook_id);

CREATE TABLE webhook_deliveries (
  webhook_id STRING(64) NOT NULL,
  id STRING(64) NOT NULL,
  event_id STRING(255) NOT NULL,
  event_type STRING(64) NOT NULL,
  subject STRING(64) NOT NULL,
  sequence INT64 NOT NULL,
  body STRING(MAX) NOT NULL,
  status STRING(16) NOT NULL,
  tries INT64 NOT NULL,
  attempts STRING(MAX) NOT NULL,
  due_at TIMESTAMP,
  delivered_at TIMESTAMP,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (webhook_id, id),
  ROW DELETION POLICY (OLDER_THAN(created_at, INTERVAL 30 DAY));

CREATE INDEX webhook_deliveries_by_time
  ON webhook_deliveries (webhook_id, created_at DESC, id) STORING (status, event_type);

CREATE NULL_FILTERED INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at, id);
