"""A message and its delivery: next action, claims, retries, reports, template scope, webhook addresses and signatures."""
