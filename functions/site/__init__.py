"""The pages and documents at the root of the site: landing page, reference, console, keys."""
