"""Key tools that store nothing."""
