import pytest

from funchost.supervisor.protocol import Failed, Loaded, Message, Serve, Serving, Stop, decode, encode


@pytest.mark.parametrize("message", [Serve(), Stop(), Loaded(), Serving(), Failed("no\nway", "Traceback é")])
def test_a_message_is_one_line_and_comes_back_as_it_was(message: Message):
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize("line", [b"{}", b"[]", b'{"is": "Dance"}', b'{"is": "Stop", "now": 1}', b"nonsense"])
def test_anything_else_is_refused(line: bytes):
    with pytest.raises(ValueError, match=r".+"):
        decode(line)
