"""What a journey is: its definition, steps, conditions, versions, trigger index and diagram."""
