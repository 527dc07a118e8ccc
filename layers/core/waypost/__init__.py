"""Waypost: events in, journeys moved, messages sent once."""
