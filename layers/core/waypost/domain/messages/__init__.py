"""A message and its delivery: claims, retries, template scope, webhook addresses and signatures."""
