"""What a hub's database holds, and the steps that bring an older file up to date.

A release adds one step to :data:`MIGRATIONS` and never changes one that was released. The number of steps
is the ``user_version`` of a file.

- ``instance`` is the view and the fence: a commit matches (key, execution, seq, fence) and raises seq.
  It is rewritten by every commit, so what may be large (input, output) stands in ``execution``.
- ``execution`` is one run of an instance. ``instance`` NULL marks one that continue-as-new, replacement or
  purge left behind; its history is swept later, a few rows at a time.
- ``history`` has one row a commit, in the order of commits: appending to a rowid table with a small unique
  index is three times faster than rows clustered by execution.
- ``activity`` holds what is not answered yet; the row is the token of the answer. Its key packs execution
  and task into one integer: one b-tree, and an execution's activities are one range of it.
- ``message``: ``due`` 0 is at once, and :data:`KEPT` only after a rewind; ``execution`` NULL is for whichever
  execution runs; ``timer`` is the number of the timer that made it. Ids are never used twice: the order of commits,
  across processes.
- ``owner`` columns hold a ``worker`` key. A row of ``worker`` that is gone owns nothing any more.

Keys of instances, executions, messages and workers are never used again, so that what another process
still remembers of a purged row cannot be mistaken for a new one.
"""

__all__ = ["APPLICATION_ID", "KEPT", "MIGRATIONS", "TASK_BITS", "VERSION"]

APPLICATION_ID = int.from_bytes(b"fnch", "big")
"""In the header of each of our files, where ``file(1)`` and other programs look for it."""

TASK_BITS = 24
"""Low bits of ``activity.key`` that number the task: 16 million tasks an execution, 5e11 executions."""

KEPT = 2**62
"""``message.due`` of an answer for a failed instance: later than any time, so that it makes nobody claim it."""

_FIRST = (
    """
    CREATE TABLE worker (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        address TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE instance (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        status TEXT NOT NULL,
        custom_status TEXT,
        tags TEXT,
        created INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        parent TEXT,
        scheduled_start INTEGER,
        execution INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        fence INTEGER NOT NULL,
        owner INTEGER
    ) STRICT
    """,
    "CREATE INDEX instance_by_status ON instance (status, id)",
    "CREATE INDEX instance_by_name ON instance (name, status, id)",
    "CREATE INDEX instance_by_created ON instance (created, id)",
    """
    CREATE TABLE tag (
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        instance INTEGER NOT NULL,
        PRIMARY KEY (name, value, instance)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX tag_by_instance ON tag (instance)",
    """
    CREATE TABLE execution (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL,
        instance INTEGER,
        input TEXT,
        output TEXT
    ) STRICT
    """,
    "CREATE INDEX execution_left_behind ON execution (key) WHERE instance IS NULL",
    """
    CREATE TABLE history (
        position INTEGER PRIMARY KEY,
        execution INTEGER NOT NULL,
        episode INTEGER NOT NULL,
        events BLOB NOT NULL
    ) STRICT
    """,
    "CREATE UNIQUE INDEX history_by_episode ON history (execution, episode)",
    """
    CREATE TABLE activity (
        key INTEGER PRIMARY KEY,
        instance INTEGER NOT NULL,
        name TEXT NOT NULL,
        input TEXT,
        trace BLOB,
        attempt INTEGER NOT NULL,
        not_before INTEGER NOT NULL,
        owner INTEGER
    ) STRICT
    """,
    "CREATE INDEX activity_free ON activity (not_before) WHERE owner IS NULL",
    """
    CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        instance INTEGER NOT NULL,
        execution INTEGER,
        timer INTEGER,
        due INTEGER NOT NULL,
        event BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX message_by_instance ON message (instance)",
    "CREATE INDEX message_by_due ON message (due)",
)

_ENDED = (
    # Which instances ended before a time; one that runs is not in it, so that its commits need not keep it up.
    """
    CREATE INDEX instance_ended ON instance (status, updated)
    WHERE status IN ('Completed', 'Failed', 'Terminated', 'Canceled')
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _ENDED)

VERSION = len(MIGRATIONS)
