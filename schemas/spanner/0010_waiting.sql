-- Transactions say what they wait for and since when, receipts how many logs were left out.

ALTER TABLE transactions ADD COLUMN waiting_for STRING(32);

ALTER TABLE transactions ADD COLUMN waiting_since TIMESTAMP;

ALTER TABLE receipts ADD COLUMN logs_omitted INT64;
