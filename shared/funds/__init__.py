"""What addresses hold on chain, and what is booked on it."""
