-- Transactions say what they wait for, and since when.

ALTER TABLE transactions ADD COLUMN waiting_for STRING(32);

ALTER TABLE transactions ADD COLUMN waiting_since TIMESTAMP;
