-- The wei for gas that a second person approved: a speed-up beyond it is refused.

ALTER TABLE transactions ADD COLUMN approved_fee STRING(80);
