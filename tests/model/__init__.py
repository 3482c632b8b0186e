"""Specifications that the product is compared with: claims, linearizable histories, and a store in memory."""
