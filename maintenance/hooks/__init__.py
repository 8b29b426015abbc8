"""Hook scripts: finding them, running them by ticket, reading what they said."""
