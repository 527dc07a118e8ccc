"""Identifiers, mergeable attributes, the customer with the table of $identify, and the workspace schema."""
