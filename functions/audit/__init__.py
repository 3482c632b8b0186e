"""Who did what: the log's readers and its sealer."""
