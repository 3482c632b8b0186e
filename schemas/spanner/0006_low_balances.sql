-- Addresses that send and hold too little of the native coin: what was announced, and their newest top-up.

CREATE TABLE low_balances (
  id STRING(96) NOT NULL,
  chain STRING(32) NOT NULL,
  address STRING(64) NOT NULL,
  wallet_id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  low BOOL NOT NULL,
  balance STRING(80) NOT NULL,
  threshold STRING(80) NOT NULL,
  top_ups INT64 NOT NULL,
  top_up_id STRING(64),
  version INT64 NOT NULL,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
) PRIMARY KEY (id);
