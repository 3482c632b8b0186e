-- Sign-ins (refresh families). Rows go a day after their end.

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
