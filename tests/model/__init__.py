"""The model: an in-memory store and cache collection behind the production ports, for seeded simulation.

One contract suite (tests/emulated/contract) checks the model and the emulators alike. A figure measured here says so.
The package also has the tools that judge histories: a specification of one order's claims and a linearizability
checker.
"""
