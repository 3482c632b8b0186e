-- The size of an ABI, so that ABIs of many contracts are read at once only where they are small enough together.

ALTER TABLE contracts ADD COLUMN abi_characters INT64 AS (CHAR_LENGTH(abi)) STORED;
