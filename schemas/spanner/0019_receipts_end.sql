-- What the chain said of a transaction is kept for seven years, as books usually have to be. The books themselves, the audit
-- log and the signed bytes stay (docs/security.md says why).

ALTER TABLE receipts ADD ROW DELETION POLICY (OLDER_THAN(created_at, INTERVAL 2557 DAY));
