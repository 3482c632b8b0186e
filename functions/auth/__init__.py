"""Sign-up and sign-in; the caller's account, sessions, API keys and second factors."""
