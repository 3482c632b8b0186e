-- Approval by a second person: who may give it for a wallet, and who gave it for which payload.

ALTER TABLE policies ADD COLUMN approvers STRING(MAX);

ALTER TABLE transactions ADD COLUMN approval_until TIMESTAMP;

ALTER TABLE transactions ADD COLUMN approved_by STRING(64);

ALTER TABLE transactions ADD COLUMN approved_digest STRING(64);
