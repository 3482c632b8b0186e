-- Earlier blocks are filled in for each follow, so that accounts have turns, and no account's follow waits for another's.

ALTER TABLE follows ADD COLUMN work STRING(8);

ALTER TABLE follows ADD COLUMN filled_to INT64;

ALTER TABLE follows ADD COLUMN fill_until INT64;

ALTER TABLE follows ADD COLUMN fault STRING(32);

CREATE NULL_FILTERED INDEX follows_filling ON follows (chain, work, user_id, id);

ALTER TABLE followed_addresses DROP COLUMN filled_to;

ALTER TABLE followed_addresses DROP COLUMN fill_until;

ALTER TABLE followed_addresses DROP COLUMN fault;
