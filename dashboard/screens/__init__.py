"""What a page shows, as small dataclasses ready to render; the templates hold no logic, the views no words."""
