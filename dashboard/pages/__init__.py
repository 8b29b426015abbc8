"""The console's pages: a view reads where the feed stands and renders what is shown; a button makes one call."""
