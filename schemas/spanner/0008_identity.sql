-- Sign-ins say where they are used and when the second factor was proved; passkeys; audit rows say more; wallets that
-- were made before somebody proved the account's mailbox are marked.

ALTER TABLE sessions ADD COLUMN second_factor_at TIMESTAMP;

ALTER TABLE sessions ADD COLUMN user_agent STRING(256);

ALTER TABLE sessions ADD COLUMN network STRING(64);

ALTER TABLE second_factors ADD COLUMN passkeys INT64;

ALTER TABLE audit ADD COLUMN session_id STRING(64);

ALTER TABLE audit ADD COLUMN network STRING(64);

ALTER TABLE audit ADD COLUMN details STRING(MAX);

ALTER TABLE wallets ADD COLUMN unproven BOOL;

ALTER INDEX wallets_active ADD STORED COLUMN unproven;

CREATE TABLE passkeys (
  id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  credential_id STRING(1400) NOT NULL,
  public_key BYTES(MAX) NOT NULL,
  sign_count INT64 NOT NULL,
  name STRING(256) NOT NULL,
  last_used_at TIMESTAMP,
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id);

CREATE INDEX passkeys_by_user ON passkeys (user_id, id);
