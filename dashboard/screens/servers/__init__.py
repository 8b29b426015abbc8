"""Management servers: how they are, what one of them waits for, what may be asked of them."""
