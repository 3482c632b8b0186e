"""What stands at the root of the site, outside of the API's base path."""
