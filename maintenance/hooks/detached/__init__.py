"""What runs in the detached runner process. Imports almost nothing: imports delay the script."""
