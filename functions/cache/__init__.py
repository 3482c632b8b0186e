"""The copies of hot reads that each region keeps."""
