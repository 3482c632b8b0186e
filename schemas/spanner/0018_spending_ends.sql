-- What a wallet has spent is asked for the last day, and taken back from the hour that it was booked in once a transaction
-- is final. An hour's row goes after a year; rows of the release before have no end until they are written again.

ALTER TABLE policy_spending ADD COLUMN ends_at TIMESTAMP;

ALTER TABLE policy_spending ADD ROW DELETION POLICY (OLDER_THAN(ends_at, INTERVAL 365 DAY));
