"""DynamoDB: one adapter for each collection; `table.py`, `transactions.py` and `conditions.py` hold what they share."""
