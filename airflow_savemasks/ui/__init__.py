"""The Masks tab: what an export made, shown in Airflow's own pages, read out of the archive by ranges."""
