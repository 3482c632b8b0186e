"""Who calls and what they may do: passwords, tokens, API keys, wallet sign-in, second factor, permissions.

Nothing here reads a database: the operations in functions/auth load rows, call these rules, store results.
Import the module that you need; this package imports none, so that checking a token is cheap at a cold start.
"""
