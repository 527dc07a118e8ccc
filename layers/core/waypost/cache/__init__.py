"""What a warm function keeps between invocations, each with its longest age."""
