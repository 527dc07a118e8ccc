"""DynamoDB: one file for each collection, `table.py` for what they share."""
