"""What the management API and its command line do, one room for each thing that is managed (contract 5)."""
