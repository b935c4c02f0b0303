"""What ``/`` shows when no function answers there."""

from funchost import __version__
from funchost.web.asgi import Reply

__all__ = ["homepage"]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>funchost</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem; color: #223 }}
small {{ color: #667 }}
</style>
</head>
<body>
<h1>Your function app is running</h1>
<p>The host listens, and your functions answer on their own addresses. The console lists them.</p>
<p><small>funchost {version}</small></p>
</body>
</html>
"""


def homepage(*, enabled: bool) -> Reply:
    """An HTML page, or 204 when the app has switched it off."""
    if not enabled:
        return Reply(204)
    return Reply(200, [(b"content-type", b"text/html; charset=utf-8")], _PAGE.format(version=__version__).encode())
