-- Announcements have turns by account, so that many of one account do not delay another's. `user_id` is NULL in rows of
-- earlier releases: these are found by their due block alone.

ALTER TABLE event_notices ADD COLUMN user_id STRING(64);

CREATE NULL_FILTERED INDEX event_notices_by_account ON event_notices (chain, due_shard, user_id, due_block, subject);

ALTER INDEX follows_announced ADD STORED COLUMN user_id;
