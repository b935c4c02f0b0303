"""The parent process: it holds the listening sockets, starts workers that run the app, and replaces them.

``protocol``    what parent and worker tell each other
``listening``   the sockets
``watching``    which files matter, and a thread that tells of their changes
``worker``      one worker process as the parent sees it
``wish``        which signals to stop say the same
``course``      what to do when something happened: pure, without processes
``run``         the loop that carries it out
"""
