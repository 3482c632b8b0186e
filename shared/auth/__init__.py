"""Sign-in, second factor, mails and personal data."""
