"""What runs in the detached runner process. Imports almost nothing: every import delays the script's start."""
