from funchost.durable.user_code import Raised, UserCode
from funchost.tracebacks import own_frames, own_traceback


def broken(argument: object) -> None:
    raise ValueError(f"no {argument}")


def test_a_traceback_begins_with_the_author_s_own_frame():
    raised = UserCode(broken).start("thing")
    assert isinstance(raised, Raised)
    lines = raised.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "test_tracebacks.py" in lines[1]
    assert lines[-1] == "ValueError: no thing"
    assert "user_code.py" not in raised.traceback


def test_an_error_of_the_host_alone_keeps_all_of_its_frames():
    error = ValueError("ours")
    assert own_frames(error) is None
    assert own_traceback(error) == "ValueError: ours\n"
