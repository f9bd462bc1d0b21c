"""What those who run the service need of it: its log, and how healthy its surroundings are."""
