"""Orders: placed by shoppers, paid from their supplies."""
