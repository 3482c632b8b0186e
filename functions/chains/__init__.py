"""The chains that are served."""
