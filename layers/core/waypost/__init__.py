"""Waypost: events of customers start and advance runs of journeys, which send messages."""
