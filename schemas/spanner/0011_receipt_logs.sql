-- Receipts say how many logs were left out.

ALTER TABLE receipts ADD COLUMN logs_omitted INT64;
