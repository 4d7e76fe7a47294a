"""What publishes: finished items to an archive under its name, by one at a time, and what is removed afterwards.

How an item is drawn is unknown here: parts hold its members as bytes.
"""
