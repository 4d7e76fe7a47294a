"""The command line `savemasks`, which knows no Airflow: words in, exit code out."""
