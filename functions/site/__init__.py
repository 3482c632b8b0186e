"""Pages and documents at the root of the site: landing page, API reference, console, public keys."""
