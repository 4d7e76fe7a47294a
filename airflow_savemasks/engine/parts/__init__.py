"""What a retry finds again: the items of a plan, finished parts with their receipts, and archives that are there.

How an item is drawn is unknown here: parts hold its members as bytes.
"""
