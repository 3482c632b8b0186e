"""Operations on contracts."""
