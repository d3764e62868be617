"""Closed forms and exact chains: what can be known about a pool without simulating it."""
