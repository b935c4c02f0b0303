"""What can go wrong, as a small tree.

FunchostError
├── ConfigError                 the user's files or settings: shown as it is, exit code 2, no traceback
├── AppImportError              the user's app does not import; carries the framed traceback
├── FunctionError               user code failed; carries the type name and text
│   └── FunctionTimeout         user code ran past ``functionTimeout``
├── NondeterminismError         a replay asked for something that its history does not hold
├── LockingRulesViolation       an orchestrator asked for what its critical section forbids
├── InvalidArgument             a caller asked for what cannot be: an instance id, a function name, a body
└── StorageError
    ├── InstanceExists          a start met an instance that it may not replace
    ├── InstanceNotFound
    ├── InstanceGone            it is finished and takes no more messages
    ├── InvalidOperation        the instance's state does not allow it
    ├── ForeignDatabase         the file is not ours, is newer, or is damaged
    ├── Unreadable              one stored event is damaged, in a file that is sound otherwise
    └── StorageUnavailable      retried with back-off

OutOfTime                       raised inside of user code to end it; nobody's failure
"""

__all__ = [
    "AppImportError",
    "ConfigError",
    "ForeignDatabase",
    "FunchostError",
    "FunctionError",
    "FunctionTimeout",
    "InstanceExists",
    "InstanceGone",
    "InstanceNotFound",
    "InvalidArgument",
    "InvalidOperation",
    "LockingRulesViolation",
    "NondeterminismError",
    "OutOfTime",
    "StorageError",
    "StorageUnavailable",
    "Unreadable",
]


class FunchostError(Exception):
    """The root of all errors that funchost raises itself."""


class ConfigError(FunchostError):
    """A mistake in the user's files, settings or command line; the message names file, place and remedy."""


class AppImportError(FunchostError):
    """The app's own code raised while it was imported.

    ``framed`` is the traceback of the user's frames only, ready to print.
    """

    def __init__(self, message: str, framed: str) -> None:
        super().__init__(message)
        self.framed = framed


class FunctionError(FunchostError):
    """User code failed inside an invocation."""

    def __init__(self, function: str, invocation_id: str, type_name: str, text: str) -> None:
        super().__init__(f"{type_name}: {text}")
        self.function = function
        self.invocation_id = invocation_id
        self.type_name = type_name
        self.text = text


class FunctionTimeout(FunctionError):
    """User code ran past ``functionTimeout`` of host.json. ``place``: where it stood then, empty when unknown."""

    def __init__(self, function: str, invocation_id: str, limit: str, *, place: str = "") -> None:
        super().__init__(
            function,
            invocation_id,
            "FunctionTimeoutException",
            f"Timeout value of {limit} was exceeded by function: Functions.{function}",
        )
        self.place = place


class NondeterminismError(FunchostError):
    """Orchestrator code took another way than the one its history records.

    ``where`` ends the sentence of ``detail``: the line of the code, in brackets or after a comma.
    """

    def __init__(self, detail: str, where: str = "") -> None:
        super().__init__(
            f"Non-Deterministic workflow detected: {detail}{where}. "
            "Was a change made to the orchestrator code after this instance had already started running?"
        )
        self.detail = detail


class LockingRulesViolation(FunchostError, RuntimeError):
    """Orchestrator code asked for what might block for ever in a critical section, or in the way to one.

    Raised in that code, which may go on without it.
    """


class InvalidArgument(FunchostError, ValueError):
    """A caller asked for what cannot be; nothing was changed. The message is what clients display."""


class StorageError(FunchostError):
    """A task hub or a store could not do what it was asked."""


class InstanceExists(StorageError):
    """A start met an instance in a state that it may not replace."""

    def __init__(self, instance_id: str, status: str) -> None:
        super().__init__(f"An Orchestration instance with the status {status} already exists.")
        self.instance_id = instance_id
        self.status = status


class InstanceNotFound(StorageError):
    """There is no such instance."""

    def __init__(self, instance_id: str) -> None:
        super().__init__(f"No instance with ID {instance_id} found.")
        self.instance_id = instance_id


class InstanceGone(StorageError):
    """The instance is finished: it takes no more messages."""

    def __init__(self, instance_id: str, status: str) -> None:
        super().__init__(f"Instance with ID {instance_id} is gone: its status is {status}.")
        self.instance_id = instance_id
        self.status = status


class InvalidOperation(StorageError):
    """The instance is in a state that does not allow the operation."""


class ForeignDatabase(StorageError, ConfigError):
    """A database file that is not ours, newer than this release, or damaged; it was left untouched."""


class Unreadable(StorageError):
    """A stored event that cannot be decoded. It concerns its own instance and nobody else."""


class StorageUnavailable(StorageError):
    """The store does not answer now: a full disk, a lost server. Callers wait and try again."""


class OutOfTime(BaseException):
    """Raised inside of user code whose time is over; no Exception, because those are often caught and survived.

    Who runs the code for somebody else lets it pass: it is turned into a FunctionTimeout further out.
    """
