"""A task hub in a few lines, for entities and those who talk to them: in order and once, or neither.

An *orderly* hub delivers what one instance gets in the order in which it was sent, as the embedded store does. A
disorderly one delivers in any order, early, and up to three times; nothing is longer on its way than the window
of the sorter. Both refuse commits now and then: the step is then thrown away and made again.
"""

from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from durable.entities.playing import NOW, WINDOW, EntityFunction, advance_entity, finish, new_guids
from funchost.durable.entities.batch import EntityEngine
from funchost.durable.entities.ids import EntityKey, entity_of
from funchost.durable.entities.messages import Request
from funchost.durable.entities.outbox import Message, request_to
from funchost.durable.entities.sorter import Sorter, labelled
from funchost.durable.entities.state import EntityState, read_state
from funchost.durable.events import EventRaised
from funchost.durable.functions import DurableFunctions, Entity
from funchost.ids import ExecutionId, InstanceId
from funchost.instant import TICKS_PER_SECOND, Instant

_MOST_STEPS = 20_000


class Orchestration(Protocol):
    """Whoever is no entity. ``execution`` is its run; answers to another are dropped."""

    execution: ExecutionId

    def receive(self, event: EventRaised) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Post:
    message: Message
    event: EventRaised


@dataclass(frozen=True)
class Deliver:
    """Something that may happen on a hub: it makes so many steps."""

    steps: int

    def on(self, hub: "Hub") -> None:
        for _ in range(self.steps):
            hub.step()


class Hub:
    """``random`` decides everything that is not given: who is next, how much of it, and what goes wrong."""

    def __init__(self, function: EntityFunction, random: Random, *, orderly: bool) -> None:
        self.now = NOW
        self.random = random
        self.orderly = orderly
        self.entities: dict[EntityKey, EntityState] = {}
        self.orchestrations: dict[InstanceId, Orchestration] = {}
        self.new_guid = new_guids()
        self._posts: list[Post] = []
        self._engine = EntityEngine(
            DurableFunctions([], [], entities=[Entity("counter", function)]),
            self.new_guid,
            finish,
            max_batch=random.randint(1, 3),
            reorder_window=self.window,
        )

    @property
    def window(self) -> int:
        return 0 if self.orderly else WINDOW

    def post(self, message: Message) -> None:
        event = EventRaised(timestamp=self.now, name=message.name, input=message.input)
        for _ in range(1 if self.orderly else self.random.choice((1, 1, 2, 3))):
            self._posts.append(Post(message, event))

    def step(self) -> bool:
        """Deliver something to somebody; False when nothing is under way."""
        if not self._posts:
            return False
        self.now = Instant(self.now + self.random.randint(0, TICKS_PER_SECOND // 100))
        ready = [post for post in self._posts if self._is_ready(post)]
        if not ready:
            self.now = min(post.message.due or self.now for post in self._posts)
            return True
        to = self.random.choice(sorted({post.message.to for post in ready}))
        self._deliver(to, self._some_of([post for post in ready if post.message.to == to]))
        return True

    def run(self) -> None:
        """Until nothing is under way any more."""
        for _ in range(_MOST_STEPS):
            if not self.step():
                return
        raise AssertionError(f"after {_MOST_STEPS} steps there is still something to deliver")

    def pause(self, ticks: int) -> None:
        """Time passes, once everything has been delivered."""
        self.run()
        self.now = Instant(self.now + ticks)

    def _is_ready(self, post: Post) -> bool:
        due = post.message.due
        early = 0 if self.orderly else TICKS_PER_SECOND
        return due is None or due <= self.now + early

    def _some_of(self, posts: list[Post]) -> list[Post]:
        count = self.random.randint(1, min(4, len(posts)))
        return posts[:count] if self.orderly else self.random.sample(posts, count)

    def _deliver(self, to: InstanceId, posts: list[Post]) -> None:
        if to.startswith("@"):
            if self._advance(entity_of(to), posts):
                self._consume(posts)
            return
        self._consume(posts)
        for post in posts:
            orchestration = self.orchestrations.get(to)
            if orchestration is not None and post.message.execution == orchestration.execution:
                orchestration.receive(post.event)

    def _advance(self, entity: EntityKey, posts: list[Post]) -> bool:
        before = self.entities.get(entity, EntityState())
        text = before.to_json()
        step = advance_entity(entity, before, [post.event for post in posts], self.now, self._engine)
        assert before.to_json() == text, "a step leaves the state that it came from as it was"
        assert not step.dropped
        if self.random.random() < 0.2:
            return False
        # A host that keeps it, or one that reads it again.
        kept = step.state if self.random.random() < 0.5 else read_state(step.state.to_json())
        assert kept == step.state
        self.entities[entity] = kept
        for message in step.messages:
            self.post(message)
        return True

    def _consume(self, posts: list[Post]) -> None:
        gone = set(map(id, posts))
        self._posts = [post for post in self._posts if id(post) not in gone]


class Sender:
    """The sending side of an orchestration."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.id = InstanceId(name)
        self.execution = ExecutionId(f"{name} run 1")
        self._hub = hub
        self._sorter = Sorter()
        self._runs = 1

    def begin_anew(self) -> None:
        """Another run under the same id, which knows nothing of the one before."""
        self._runs += 1
        self.execution = ExecutionId(f"{self.id} run {self._runs}")
        self._sorter = Sorter()

    def send(self, to: EntityKey, **members: Any) -> str:
        """A request to an entity; its id."""
        request = Request(id=str(self._hub.new_guid()), parent=self.id, parent_execution=self.execution, **members)
        hub = self._hub
        if request.due is None:
            request = labelled(self._sorter, request, to.instance_id, now=hub.now, window=hub.window)
        hub.post(request_to(to, request))
        return request.id
