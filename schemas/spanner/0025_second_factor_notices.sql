-- Networks from which the second factor was proved before `trusted_after` are no longer the owner's, and `warned_at` says
-- when the owner was last notified of wrong codes.

ALTER TABLE second_factors ADD COLUMN trusted_after TIMESTAMP;

ALTER TABLE second_factors ADD COLUMN warned_at TIMESTAMP;
