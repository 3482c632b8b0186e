-- Marks a block that a reorganisation removed, while its events are deleted in several commits.

ALTER TABLE indexed_blocks ADD COLUMN taken_back BOOL;
