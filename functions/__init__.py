"""One module per operation: functions/<resource>/<verb_noun>.py."""
