-- An account's sign-ins, the newest first, for operators.

CREATE INDEX sessions_by_user_time ON sessions (user_id, created_at DESC, id);
