"""The model: store, bus and cache in memory behind the production ports, for seeded simulation.

One contract suite (tests/emulated/contract) holds each of them to the emulator. A figure measured here says so.
"""
