"""The people of this console: what an administrator may change about them, and what each may change alone.

Every change is one call, one transaction, one line of the audit, and a ring for the settings pages that are open.
"""
