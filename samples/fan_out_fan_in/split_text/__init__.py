"""The paragraphs of a text: what empty lines separate."""


def main(text: str) -> list:
    return [paragraph.strip() for paragraph in text.replace("\r\n", "\n").split("\n\n") if paragraph.strip()]
