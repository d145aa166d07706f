"""Running the dbt project for a day."""
