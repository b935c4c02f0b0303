"""The worker: takes work from a task hub, drives episodes and activities, and hands back what they did."""
