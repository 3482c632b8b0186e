"""Infrastructure: Terraform for the operations in the catalog, the image, and the related tools."""
