"""The cache of hot reads that each region keeps."""
