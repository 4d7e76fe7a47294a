"""The operators, and what Airflow does after their errors."""
