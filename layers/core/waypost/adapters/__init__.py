"""Adapters: one module or package for each technology. No other layer imports boto3."""
