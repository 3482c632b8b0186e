-- Since when the visits of a bucket of lanes have failed: all processes leave it alone for a while, longer each time.

ALTER TABLE leases ADD COLUMN failing_since TIMESTAMP;
