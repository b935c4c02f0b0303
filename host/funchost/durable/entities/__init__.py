"""Entities: small states with a name and a key, changed by one operation after the other.

``ids`` and ``messages`` are what others see of them: their names and what is sent to and from them. ``state`` is
what is stored, ``inbox`` what an arriving message does to it, ``batch`` runs the author's code. All of it pure.
"""
