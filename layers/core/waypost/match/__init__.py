"""Matching: one signal of one customer becomes attributes, runs, receipts and messages."""
