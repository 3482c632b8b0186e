"""Infrastructure: Terraform made from the catalog, the image, and the tools around them."""
