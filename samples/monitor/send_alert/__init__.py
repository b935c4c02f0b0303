"""Tell somebody; here, the log."""

import logging


def main(text: str) -> str:
    logging.warning("%s", text)
    return text
