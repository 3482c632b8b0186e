"""Reading by id through the cache, and pages."""
