"""The demonstration: a made-up world, twelve days of it, a real Airflow, reviewed reports."""
