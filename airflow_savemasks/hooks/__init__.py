"""Airflow connections to storages and source projects."""
