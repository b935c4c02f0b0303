"""Function apps as data: find them, import them, describe them."""
