"""Life-cycle notifications: a topic of Event Grid, or what speaks like one, is told of begins and ends."""

from funchost.notifications.publisher import Publisher
from funchost.notifications.topic import EventGridTopic

__all__ = ["EventGridTopic", "Publisher"]
