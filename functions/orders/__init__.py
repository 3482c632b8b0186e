"""Orders: placed by shoppers, reserved from their supplies."""
