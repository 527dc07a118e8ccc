"""Identifiers, mergeable facts, the rows of customers, the rules of `$identify`, the assembled customer, and the workspace's schema."""
