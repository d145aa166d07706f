"""Other ways to find attackers, run on the same tables. Never needed to run Stillwatch."""
