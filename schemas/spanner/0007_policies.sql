-- Policies: fees of a day, typed data by name, more than one approval, and a loosened policy that does not hold yet.

ALTER TABLE policies ADD COLUMN max_fee_per_day STRING(80);

ALTER TABLE policies ADD COLUMN fees_since TIMESTAMP;

ALTER TABLE policies ADD COLUMN allowed_typed_data STRING(MAX);

ALTER TABLE policies ADD COLUMN approvals_required INT64;

ALTER TABLE policies ADD COLUMN pending STRING(MAX);

ALTER TABLE policies ADD COLUMN pending_at TIMESTAMP;

ALTER TABLE transactions ADD COLUMN approvals STRING(MAX);

ALTER TABLE transactions ADD COLUMN day_booked BOOL;

-- Who is asked for an approval, while a transaction waits for it.

CREATE TABLE approval_requests (
  transaction_id STRING(64) NOT NULL,
  user_id STRING(64) NOT NULL,
  created_at TIMESTAMP NOT NULL
) PRIMARY KEY (transaction_id, user_id);

CREATE INDEX approval_requests_by_user ON approval_requests (user_id, created_at DESC, transaction_id);
