"""Fan out: one activity a paragraph, all at once. Fan in: add up what they found."""

from collections import Counter

import azure.durable_functions as df


def word_count(context: df.DurableOrchestrationContext):
    paragraphs = yield context.call_activity("split_text", context.get_input())
    counts = []
    if paragraphs:
        counts = yield context.task_all([context.call_activity("count_words", text) for text in paragraphs])
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return {"paragraphs": len(paragraphs), "words": sum(total.values()), "most_common": most_common(total, 3)}


def most_common(total: Counter[str], n: int) -> list[str]:
    # Ties in the order of the alphabet: an orchestrator's result may not depend on the order of a dict.
    return sorted(total, key=lambda word: (-total[word], word))[:n]


main = df.Orchestrator.create(word_count)
