"""What a retry finds again: the plan, finished parts with their receipts, and the archive made of them.

How an item is drawn is unknown here: parts hold its members as bytes.
"""
