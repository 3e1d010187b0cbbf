"""Rules as data: dated parameters, detection rules."""
