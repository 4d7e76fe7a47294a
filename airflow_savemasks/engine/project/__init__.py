"""What is exported: sources of items, their datasets, meta.json and annotations; and how a project is made (ingest).

Where the files lie is the business of the storage and supervisely rooms.
"""
