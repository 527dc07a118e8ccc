"""What publishing a journey refuses."""
