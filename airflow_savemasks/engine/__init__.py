"""The engine: from a project and a layer to an archive of masks. It knows masks and archives and never imports Airflow.

project.list ─> plan ─> [ for each part:  load ─> annotation ─> render ─> png ─> part ] ─> assemble ─> Team Files
"""
